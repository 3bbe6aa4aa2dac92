// Correcting saved faces: shows a frame and its faces, and asks for changes. All state is the program's.

import { WRONG, ask, plain, token } from "/panel/api.js";
import { $, element, fill } from "/panel/dom.js";
import * as picture from "/align/picture.js";

const LISTED = 400; // doubtful frames in the list

let file = null; // the last state of the file
let at = 0; // the frame that is shown
let line = null; // its faces
let track = null; // the chosen face
let point = null; // its chosen landmark
let wanted = 0; // the frame that was asked for last

// what is asked: one thing after the other, so that no change overtakes another

let last = Promise.resolve();

function attempt(task) {
  last = last.then(async () => {
    $("problem").textContent = "";
    try {
      await task();
      $("away").hidden = true;
    } catch (error) {
      if (error.status === 401) locked(WRONG);
      if (error.status === 0) $("away").hidden = false;
      $("problem").textContent = plain(error.message);
    }
  });
  return last;
}

/** Show the frame `number`, and choose what is doubtful in it; of several that are asked for quickly, the last. */
function go(number) {
  const target = Math.max(0, Math.min(number, file.frames - 1));
  $("at").value = wanted = target;
  return attempt(async () => { if (target === wanted) await load(target); });
}

async function load(number) {
  const [state, blob] = await Promise.all([ask("GET", `/api/frames/${number}`), ask("GET", `/api/frames/${number}/picture`)]);
  const seen = await createImageBitmap(blob);
  at = number;
  take(state, seen);
}

function take(state, seen = null) {
  line = state.line;
  const doubted = state.why.map((doubt) => doubt.track);
  const meant = seen && doubted.length && !doubted.includes(track) ? doubted[0] : track;
  const next = line.faces.some((face) => face.track === meant) ? meant : line.faces[0]?.track ?? null;
  if (next !== track) [track, point] = [next, null];
  show(state.why, seen);
}

/** Let this frame hold other faces. */
function put(faces, checked = false) {
  const asked = at;
  return attempt(async () => {
    file = await ask("PUT", `/api/frames/${asked}`, { faces: faces.map(sent), checked });
    if (asked === at) take(await ask("GET", `/api/frames/${at}`));
  });
}

const sent = ({ track: number, score, placed, landmarks }) => ({ track: number, score, placed, landmarks });

/** Ask for a change of more than this frame, and show what it is about. */
function act(method, path) {
  return attempt(async () => {
    file = await ask(method, path);
    $("at").value = wanted = file.show ?? at;
    await load(wanted);
  });
}

// what is done

const chosen = () => line?.faces.find((face) => face.track === track);

function choose(number, landmark = null) {
  [track, point] = [number, landmark];
  show();
}

function nextFace() {
  const tracks = line.faces.map((face) => face.track);
  if (tracks.length) choose(tracks[(tracks.indexOf(track) + 1) % tracks.length]);
}

function nextPoint(step) {
  if (chosen()) choose(track, point === null ? (step > 0 ? 0 : 67) : (point + step + 68) % 68);
}

function nudge(x, y) {
  const face = chosen();
  if (!face) return;
  picture.move(face, point, x, y);
  put(line.faces);
}

/** Take the chosen face as it is in a neighbour, or all faces that it has and this frame has not. */
function copy(step) {
  const neighbour = at + step;
  if (neighbour < 0 || neighbour >= file.frames) { $("problem").textContent = "There is no frame on that side."; return; }
  attempt(async () => {
    const theirs = (await ask("GET", `/api/frames/${neighbour}`)).line.faces;
    const same = theirs.filter((face) => face.track === track && chosen());
    const missing = theirs.filter((face) => !line.faces.some((each) => each.track === face.track));
    const taken = missing.length ? missing : same;
    if (!taken.length) { $("problem").textContent = "The neighbour has no face to copy."; return; }
    const numbers = taken.map((face) => face.track);
    const kept = line.faces.filter((face) => !numbers.includes(face.track));
    [track, point] = [numbers[0], null];
    put([...kept, ...taken.map((face) => ({ ...face, placed: true }))]);
  });
}

function remove() {
  if (chosen()) put(line.faces.filter((face) => face.track !== track));
}

function doubtful(step) {
  const others = file.doubts.map((doubt) => doubt.at);
  const found = step > 0 ? others.find((each) => each > wanted) : others.findLast((each) => each < wanted);
  if (found !== undefined) go(found);
  else $("problem").textContent = others.length ? "There is none on that side." : "";
}

async function right() {
  await put(line.faces, true);
  const next = file.doubts.find((doubt) => doubt.at > at) ?? file.doubts[0];
  if (next) go(next.at);
}

const save = () => act("POST", "/api/save");

// what is shown

const words = (doubt) => `track ${doubt.track} ${doubt.what}`;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;

function show(why = null, seen = null) {
  picture.show(seen, file.size, line.faces, { track, point });
  $("state").textContent = file.saved ? "saved" : "not saved";
  $("state").dataset.state = file.saved ? "saved" : "changed";
  $("name").textContent = `${file.name}, of ${file.input}`;
  const field = line.field ? ", second field" : "";
  $("where").textContent = `frame ${line.frame}${field} of ${file.frames}, ${clock(line.time)}${line.checked ? ", checked" : ""}`;
  $("at").max = file.frames - 1;
  if (why) fill($("why"), why.length ? why.map((doubt) => element("li", words(doubt))) : [element("li", "nothing doubtful", { className: "none" })]);
  fill($("faces"), line.faces.map((face) => {
    const button = element("button", `track ${face.track} ${face.placed ? "placed" : face.score.toFixed(2)}`, { type: "button" });
    button.dataset.track = face.track;
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(face.track === track));
    return button;
  }));
  for (const id of ["delete", "delete-track"]) $(id).disabled = !chosen();
  $("undo").disabled = !file.changes;
  $("save").disabled = file.saved;
  $("doubts-left").textContent = file.doubts.length === 1 ? "1 frame is left" : `${file.doubts.length} frames are left`;
  const first = Math.max(0, file.doubts.findIndex((doubt) => doubt.at >= at) - LISTED / 2);
  fill($("doubts"), file.doubts.slice(first, first + LISTED).map((doubt) => {
    const entry = document.createElement("li");
    const button = element("button", "", { type: "button" });
    button.dataset.at = doubt.at;
    if (doubt.at === at) button.setAttribute("aria-current", "true");
    button.append(element("time", clock(doubt.time)), doubt.why.map(words).join(", "));
    entry.append(button);
    return entry;
  }));
  $("doubts").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  marks();
}

/** Where the doubtful frames lie. */
function marks() {
  const canvas = $("marks");
  canvas.width = canvas.clientWidth;
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(canvas).getPropertyValue("--bad");
  for (const { at: number } of file.doubts) context.fillRect((number / Math.max(file.frames - 1, 1)) * (canvas.width - 16) + 7, 2, 2, 10);
}

// beginning

async function open() {
  try {
    file = await ask("GET", "/api/file");
  } catch (error) {
    if (error.status === 401) locked(token.get() ? WRONG : "");
    else { $("away").hidden = false; $("away").textContent = plain(error.message); }
    return;
  }
  $("login").hidden = true;
  $("panel").hidden = false;
  go(file.doubts[0]?.at ?? 0);
}

function locked(why) {
  token.forget();
  $("panel").hidden = true;
  $("login").hidden = false;
  $("login-problem").textContent = why;
  $("token").focus();
}

$("login").addEventListener("submit", (event) => { event.preventDefault(); token.set($("token").value); location.reload(); });
picture.listen({ onChoose: choose, onMoved: () => put(line.faces) });

const zoom = () => { picture.look(!picture.isNear()); $("zoom").setAttribute("aria-pressed", String(picture.isNear())); };
const BUTTONS = {
  back: () => go(wanted - 1), on: () => go(wanted + 1), zoom, right, "copy-before": () => copy(-1), "copy-after": () => copy(1), delete: remove,
  "delete-track": () => { if (chosen()) act("DELETE", `/api/tracks/${track}`); }, undo: () => { if (file.changes) act("POST", "/api/undo"); }, save,
};
for (const [id, task] of Object.entries(BUTTONS)) {
  $(id).onclick = ({ currentTarget, detail }) => {
    if (detail) currentTarget.blur(); // pressed with a pointer: Enter is not to press it again
    task();
  };
}
$("at").oninput = () => go(Number($("at").value));
$("faces").onclick = ({ target }) => { if (target.dataset.track) choose(Number(target.dataset.track)); };
$("doubts").onclick = ({ target }) => { const button = target.closest("button"); if (button) go(Number(button.dataset.at)); };

const KEYS = {
  ArrowLeft: BUTTONS.back, ArrowRight: BUTTONS.on, Home: () => go(0), End: () => go(file.frames - 1),
  n: () => doubtful(1), p: () => doubtful(-1), PageDown: () => doubtful(1), PageUp: () => doubtful(-1), Enter: right,
  f: nextFace, "]": () => nextPoint(1), "[": () => nextPoint(-1), Escape: () => choose(track), z: zoom,
  c: BUTTONS["copy-before"], v: BUTTONS["copy-after"], x: remove, Delete: remove, X: BUTTONS["delete-track"], u: BUTTONS.undo, s: save,
};
const NUDGES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WITH_CTRL = { z: BUTTONS.undo, s: save };
document.addEventListener("keydown", (event) => {
  if ($("panel").hidden || !file || event.altKey || event.target.matches("input:not([type=range])")) return;
  if (event.key === "Enter" && event.target.matches("button, summary")) return; // it is pressed
  let task = KEYS[event.key];
  if (event.ctrlKey || event.metaKey) task = WITH_CTRL[event.key];
  else if (event.shiftKey && event.key in NUDGES) task = () => nudge(...NUDGES[event.key]);
  if (!task) return;
  event.preventDefault();
  task();
});
addEventListener("beforeunload", (event) => { if (file && !file.saved) event.preventDefault(); });

open();
