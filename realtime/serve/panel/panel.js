// The panel: shows what the daemon says, and asks for what the user wants. All state is the daemon's.

import { ask, listen, token } from "./api.js";
import { connect, disconnect } from "./camera.js";
import { Graph } from "./graph.js";

const $ = (id) => document.getElementById(id);
const CHOICES = ["faces", "blend", "color", "on_miss", "label_place"];
const LOG = 200; // lines that are kept

let session = null; // the last status
let wanted = new Set(); // sinks for the next session
let seen = null; // status before, for differences
const latency = new Graph($("latency-graph"), { p50: "--good", p99: "--bronze" }, 40);
const drops = new Graph($("drops-graph"), { dropped: "--bad", hidden: "--bronze" }, 5);

// what is asked

async function attempt(task, where = $("session-problem")) {
  where.textContent = "";
  try {
    return await task();
  } catch (error) {
    where.textContent = error.message;
    return undefined;
  }
}

const running = () => session?.state === "running";
let asking = 0; // changes under way: until they are answered, a status may still tell of the settings before them

async function change(what) {
  if (!running()) return;
  asking += 1;
  const status = await attempt(() => ask("PATCH", "/api/session", what));
  asking -= 1;
  if (status) show(status);
}

function later(wait, task) { // a slider that is dragged asks once it rests a moment
  let timer;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => task(...given), wait); };
}

function chosen(name) { return document.querySelector(`input[name="${name}"]:checked`)?.value; }

function look() {
  const given = { sharpen: Number($("sharpen").value) };
  for (const name of CHOICES) if (chosen(name)) given[name] = chosen(name);
  if ($("label").value.trim()) given.label = $("label").value.trim();
  return given;
}

function start() {
  return attempt(async () => {
    const model = chosen("model");
    const request = { camera: $("camera").value.trim(), sinks: [...wanted], loop: true, ...look() };
    const all = { ...request, ...($("puppet-on").checked ? puppet() : {}) };
    show(await ask("POST", "/api/session", model ? { ...all, model } : all));
  });
}

function puppet() { // the photo that moves, and whose consent there is
  const consent = $("puppet-consent").value.trim();
  return { puppet: $("puppet-photo").value.trim() || null, ...(consent ? { consent } : {}) };
}

async function switchPuppet() {
  if (!running()) return;
  const what = $("puppet-on").checked ? puppet() : { puppet: null };
  const done = await attempt(() => ask("PATCH", "/api/session", what), $("puppet-problem"));
  if (done) show(done);
  else $("puppet-on").checked = Boolean(session?.engine?.puppet);
}

function addSink(address) {
  if (!address) return;
  if (running()) change({ add_sinks: [address] });
  else { wanted.add(address); sinks(); }
  $("new-sink").value = "";
}

function removeSink(address) {
  if (running()) change({ remove_sinks: [address] });
  else { wanted.delete(address); sinks(); }
}

async function ownCamera() {
  await attempt(async () => {
    await connect($("mirror"));
    $("returned").hidden = false;
    $("camera").value = "browser:";
    wanted.add("browser:");
    if (running()) {
      const add = session.engine.sinks.some((sink) => sink.address === "browser:") ? [] : ["browser:"];
      await change({ camera: "browser:", add_sinks: add });
    } else {
      await start();
    }
  });
}

// what is shown

function show(status) {
  session = status;
  const engine = running() ? status.engine : null;
  const state = engine ? engine.state : status.state;
  $("state").textContent = state;
  $("state").dataset.state = state;
  $("start").disabled = status.state !== "idle";
  $("stop").disabled = status.state !== "running";
  $("camera").disabled = status.state !== "idle";
  $("latency").textContent = engine ? `${engine.latency_ms.p50.toFixed(0)} / ${engine.latency_ms.p99.toFixed(0)} ms` : "–";
  $("fps").textContent = engine ? `${engine.fps_out.toFixed(1)} fps` : "–";
  const lost = engine ? engine.drops.captured + engine.drops.late : 0;
  $("dropped").textContent = engine ? String(lost) : "–";
  $("hidden").textContent = engine ? String(engine.missed) : "–";
  const said = [...(engine?.problems ?? []), ...(status.problem && !engine ? [status.problem] : []),
    ...(engine?.governor.steps ?? []).map((step) => `to keep up: ${step}`)];
  fill($("problems"), said.length ? said.map((text) => item(text)) : [item("none", "none")]);
  sinks();
  if (!engine) { seen = null; return; }
  if (asking) return;
  wanted = new Set(engine.sinks.map((sink) => sink.address));
  if (document.activeElement !== $("sharpen")) $("sharpen").value = engine.look.sharpen;
  $("sharpen-value").textContent = Number($("sharpen").value).toFixed(2);
  if (document.activeElement !== $("label")) $("label").value = engine.look.label;
  for (const name of CHOICES) tick(name, engine.look[name]);
  tick("model", engine.model.loading ?? engine.model.name);
  showPuppet(engine.puppet);
}

function showPuppet(seen) {
  $("puppet-on").checked = Boolean(seen);
  $("puppet-rest").disabled = !seen;
  const how = seen?.rested ? (seen.moving ? "moves" : "rests: nobody is seen") : "waits for a performer at rest";
  $("puppet-name").textContent = seen ? `${seen.identity} ${how}` : "off";
  if (seen && document.activeElement !== $("puppet-photo")) $("puppet-photo").value = seen.photo;
}

function measure(status) { // only of what the socket tells: those come at even times
  const engine = status.state === "running" ? status.engine : null;
  if (!engine) { seen = null; return; }
  const now = { at: engine.seconds, lost: engine.drops.captured + engine.drops.late, missed: engine.missed };
  if (seen && now.at > seen.at) {
    const seconds = now.at - seen.at;
    drops.add({ dropped: (now.lost - seen.lost) / seconds, hidden: (now.missed - seen.missed) / seconds });
    latency.add({ p50: engine.latency_ms.p50, p99: engine.latency_ms.p99 });
  }
  seen = now;
}

function tick(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${CSS.escape(value ?? "")}"]`);
  if (input) input.checked = true;
}

function fill(parent, children) {
  const now = children.map((child) => child.outerHTML).join("");
  if (parent.dataset.now !== now) { parent.replaceChildren(...children); parent.dataset.now = now; }
}

function item(text, kind = "") {
  const line = document.createElement("li");
  line.textContent = text;
  if (kind) line.className = kind;
  return line;
}

function sinks() {
  const known = running() ? session.engine.sinks : [...wanted].map((address) => ({ address, state: "" }));
  fill($("sink-list"), known.map((sink) => {
    const line = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = sink.address;
    if (sink.state) {
      const small = document.createElement("small");
      small.textContent = ` ${sink.state}`;
      text.append(small);
    }
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.dataset.sink = sink.address;
    remove.setAttribute("aria-label", `Remove ${sink.address}`);
    line.append(text, remove);
    return line;
  }));
}

function note({ time, text, problem }) {
  const line = item("", problem ? "bad" : "");
  const when = document.createElement("time");
  when.textContent = new Date(time * 1000).toLocaleTimeString();
  line.append(when, text);
  $("log").prepend(line);
  while ($("log").childElementCount > LOG) $("log").lastElementChild.remove();
}

async function preview() {
  for (;;) {
    if (!running() || !$("watch").checked || document.hidden) { await pause(300); continue; }
    try {
      const blob = await ask("GET", "/api/preview?width=640");
      if (blob) draw(await createImageBitmap(blob));
    } catch { /* the status line says that the daemon is gone */ }
    await pause(150);
  }
}

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

function draw(both) { // before and after lie side by side in one picture
  const width = both.width / 2;
  for (const [index, id] of ["before", "after"].entries()) {
    const canvas = $(id);
    if (canvas.width !== width || canvas.height !== both.height) [canvas.width, canvas.height] = [width, both.height];
    canvas.getContext("2d").drawImage(both, index * width, 0, width, both.height, 0, 0, width, both.height);
  }
}

function radio(name, value, text) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name, value });
  const span = document.createElement("span");
  span.textContent = text;
  label.append(input, span);
  return label;
}

function modelCard(model) {
  const label = radio("model", model.name, "");
  label.className = "model";
  const [input, card] = label.children;
  input.disabled = Boolean(model.problem);
  const picture = document.createElement("img");
  picture.alt = "";
  if (!model.problem) picture.src = `/api/models/${encodeURIComponent(model.name)}/picture`;
  const name = document.createElement("b");
  name.textContent = model.name;
  const whom = document.createElement("small");
  whom.textContent = model.problem ?? model.identities.map((each) => `${each.name}, ${each.kind}`).join("; ");
  card.append(picture, name, whom);
  return label;
}

// beginning

async function open() {
  try {
    await ask("GET", "/api/preview?width=64"); // 401 where the token is wrong
  } catch (error) {
    if (error.message.includes("token")) { locked(token.get() ? error.message : ""); return; }
  }
  $("login").hidden = true;
  $("panel").hidden = false;
  const [choices, models, devices] = await Promise.all(
    ["choices", "models", "devices"].map((what) => ask("GET", `/api/${what}`)));
  for (const name of CHOICES) {
    $(name).replaceChildren(...choices[name].map((value) => radio(name, value, value.replace("-", " "))));
    tick(name, choices.defaults[name]);
  }
  $("label").value = choices.defaults.label;
  $("model-list").replaceChildren(...models.map(modelCard));
  tick("model", choices.defaults.model);
  options($("cameras"), [...devices.cameras.map((camera) => [camera.address, camera.name]), ["test:", "a face made by the program"]]);
  options($("sink-kinds"), [...devices.virtual_cameras.map((camera) => [camera.address, camera.name]), ["null:", "nowhere, to measure"]]);
  listen({
    onStatus: (status) => { measure(status); show(status); },
    onEvent: note,
    onState: (state) => {
      $("state").textContent = state;
      $("state").dataset.state = state;
      if (state === "refused") locked("the token is not that of this daemon");
    },
  });
  preview();
}

function options(list, pairs) {
  list.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
}

function locked(why) {
  token.forget();
  $("panel").hidden = true;
  $("login").hidden = false;
  $("login-problem").textContent = why;
  $("token").focus();
}

$("login").addEventListener("submit", (event) => { event.preventDefault(); token.set($("token").value); location.reload(); });
$("session").addEventListener("submit", (event) => { event.preventDefault(); start(); });
$("stop").addEventListener("click", () => attempt(async () => {
  show(await ask("DELETE", "/api/session"));
  await disconnect();
  $("returned").hidden = true;
}));
$("own-camera").addEventListener("click", ownCamera);
$("add-sink").addEventListener("click", () => addSink($("new-sink").value.trim()));
$("new-sink").addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); addSink($("new-sink").value.trim()); }
});
$("sink-list").addEventListener("click", ({ target }) => { if (target.dataset.sink) removeSink(target.dataset.sink); });
$("puppet-on").addEventListener("change", switchPuppet);
$("puppet-rest").addEventListener("click", () => attempt(async () => {
  show(await ask("POST", "/api/session/rest"));
}, $("puppet-problem")));
const patch = later(120, change);
$("sharpen").addEventListener("input", () => {
  $("sharpen-value").textContent = Number($("sharpen").value).toFixed(2);
  patch({ sharpen: Number($("sharpen").value) });
});
$("look").addEventListener("change", ({ target }) => {
  if (CHOICES.includes(target.name)) change({ [target.name]: target.value });
  if (target.id === "label" && target.value.trim()) change({ label: target.value.trim() });
});
$("model-list").addEventListener("change", ({ target }) => change({ model: target.value }));

open();
