// The panel: shows what the daemon says, and asks for what the user wants. All state is the daemon's.

import { WRONG, ask, listen, plain, token } from "./api.js";
import * as camera from "./camera.js";
import { $, element, fill } from "./dom.js";
import * as files from "./files.js";
import { Graph } from "./graph.js";
import { apply, look, offer, reflect } from "./look.js";
import * as more from "./more.js";
import * as photos from "./photos.js";
import * as presets from "./presets.js";
import * as puppet from "./puppet.js";
import * as recorder from "./recorder.js";
import { compare, fullScreen, preview } from "./stage.js";

const LOG = 200; // lines that are kept

let session = null; // the last status
let wanted = new Set(); // sinks for the next session
let seen = null; // status before, for differences
let cameras = []; // of the machine
const latency = new Graph($("latency-graph"), { p50: "--good", p99: "--bronze" }, 40);
const drops = new Graph($("drops-graph"), { dropped: "--bad", hidden: "--bronze" }, 5);

// what is asked

async function attempt(task, where = $("session-problem")) {
  where.textContent = "";
  try {
    return await task();
  } catch (error) {
    if (error.status === 401) locked(WRONG);
    where.textContent = plain(error.message);
    return undefined;
  }
}

const running = () => session?.state === "running";
const REST = 1500; // milliseconds
let asking = 0, until = 0; // changes under way: till they are answered, and a moment longer, a status may tell of what was before

async function change(what, where) {
  if (!running() || !what || files.shown()) return; // what is chosen for a file is not for the session
  asking += 1;
  const status = await attempt(() => ask("PATCH", "/api/session", what), where);
  asking -= 1;
  until = performance.now() + REST;
  if (status) show(status);
}

function start() {
  return attempt(async () => {
    const request = { camera: $("camera").value.trim(), sinks: [...wanted], loop: true, ...look(), ...more.chosen(), ...puppet.chosen() };
    show(await ask("POST", "/api/session", request));
  });
}

/** Take pictures from there: now where a session runs, else in a new one. */
async function see(address, sinks = []) {
  $("camera").value = address;
  for (const sink of sinks) wanted.add(sink);
  if (!running()) { await start(); return; }
  const there = session.engine.sinks.map((sink) => sink.address);
  await change({ camera: address, add_sinks: sinks.filter((sink) => !there.includes(sink)) });
}

function ownCamera() {
  return attempt(async () => {
    await camera.connect($("mirrored"));
    $("returned").hidden = false;
    await see("browser:", ["browser:"]);
  });
}

function machineCamera() {
  if (cameras.length === 1) { see(cameras[0].address); return; }
  $("which-camera").hidden = false;
  fill($("which-camera"), cameras.map(({ address, name }) => {
    const button = element("button", name || address, { type: "button" });
    button.dataset.camera = address;
    return button;
  }));
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

function usePreset(index) {
  const saved = presets.at(index);
  if (saved) change(apply(saved));
}

// what is shown

function show(status) {
  session = status;
  const engine = running() ? status.engine : null;
  const state = engine ? engine.state : status.state;
  $("state").textContent = state;
  $("state").dataset.state = state;
  $("begin").hidden = status.state !== "idle";
  $("live").hidden = $("graphs").hidden = status.state === "idle";
  $("start").hidden = status.state !== "idle";
  $("stop").disabled = status.state !== "running";
  $("change-camera").hidden = !engine;
  $("more").hidden = status.state !== "idle";
  $("latency").textContent = engine ? `${engine.latency_ms.p50.toFixed(0)} / ${engine.latency_ms.p99.toFixed(0)} ms` : "–";
  $("fps").textContent = engine ? `${engine.fps_out.toFixed(1)} fps` : "–";
  const lost = engine ? engine.drops.captured + engine.drops.late : 0;
  $("dropped").textContent = engine ? String(lost) : "–";
  $("hidden").textContent = engine ? String(engine.missed) : "–";
  const said = [...(engine?.problems ?? []), ...(status.problem && !engine ? [status.problem] : []),
    ...(engine?.governor.steps ?? []).map((step) => `to keep up: ${step}`)];
  fill($("problems"), said.length ? said.map((text) => element("li", plain(text))) : [element("li", "none", { className: "none" })]);
  sinks();
  recorder.show(engine);
  const gone = camera.check(status.browser);
  if (gone) { $("returned").hidden = true; $("session-problem").textContent = gone; }
  if (!engine) { seen = null; return; }
  if (asking || performance.now() < until || files.shown()) return;
  wanted = new Set(engine.sinks.map((sink) => sink.address));
  if (document.activeElement !== $("camera") && $("camera").dataset.source !== engine.source.address) {
    $("camera").value = $("camera").dataset.source = engine.source.address;
  }
  reflect(engine);
  puppet.show(engine.puppet);
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

function sinks() {
  const known = running() ? session.engine.sinks : [...wanted].map((address) => ({ address, state: "" }));
  fill($("sink-list"), known.map((sink) => {
    const line = document.createElement("li");
    const text = element("span", sink.address);
    if (sink.state) text.append(element("small", ` ${sink.state}`));
    const remove = element("button", "Remove", { type: "button" });
    remove.dataset.sink = sink.address;
    remove.setAttribute("aria-label", `Remove ${sink.address}`);
    line.append(text, remove);
    return line;
  }));
}

function note({ time, text, problem }) {
  const line = element("li", "", { className: problem ? "bad" : "" });
  line.append(element("time", new Date(time * 1000).toLocaleTimeString()), plain(text));
  $("log").prepend(line);
  while ($("log").childElementCount > LOG) $("log").lastElementChild.remove();
}

// beginning, and beginning again

/** Show all that there is to choose from. */
async function load() {
  const [choices, models, devices] = await Promise.all(
    ["choices", "models", "devices"].map((what) => ask("GET", `/api/${what}`)));
  offer(choices, models, change);
  more.offer(choices, models, devices);
  recorder.into(choices.recordings);
  presets.draw();
  cameras = devices.cameras;
  $("begin-camera").disabled = !cameras.length;
  $("begin-camera-hint").textContent = cameras.length ? cameras.map((each) => each.name || each.address).join(", ")
    : "None is plugged in where the daemon runs.";
  options($("cameras"), [...cameras.map((each) => [each.address, each.name]), ["test:", "a face made by the program"]]);
  options($("sink-kinds"), [...devices.virtual_cameras.map((each) => [each.address, each.name]), ["null:", "nowhere, to measure"]]);
}

async function open() {
  try {
    await ask("GET", "/api/preview?width=64"); // 401 where the token is wrong
  } catch (error) {
    if (error.status === 401) { locked(token.get() ? WRONG : ""); return; }
    if (error.status === 0) { away(true); setTimeout(open, 1500); return; }
  }
  $("login").hidden = true;
  $("panel").hidden = false;
  await load();
  let lost = false;
  listen({
    onStatus: (status) => { measure(status); show(status); },
    onEvent: note,
    onJobs: files.show,
    onState: (state) => {
      away(state === "lost");
      if (state === "refused") locked(WRONG);
      if (state === "open" && lost) { $("session-problem").textContent = ""; load(); } // it may be another one by now
      lost = state === "lost";
    },
  });
  preview(running);
}

/** Whether the daemon has gone: nothing that is shown holds until it is back. */
function away(gone) {
  $("away").hidden = !gone;
  $("figures").classList.toggle("stale", gone);
  if (!gone) return;
  $("state").textContent = $("state").dataset.state = "lost";
  session = null;
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

files.connect(attempt);
photos.connect();
$("login").addEventListener("submit", (event) => { event.preventDefault(); token.set($("token").value); location.reload(); });
$("session").addEventListener("submit", (event) => {
  event.preventDefault();
  if (running()) change({ camera: $("camera").value.trim() });
  else start();
});
$("change-camera").onclick = () => $("session").requestSubmit();
$("stop").onclick = () => attempt(async () => {
  show(await ask("DELETE", "/api/session"));
  await camera.disconnect();
  $("returned").hidden = true;
});
$("own-camera").onclick = $("begin-browser").onclick = ownCamera;
$("begin-camera").onclick = machineCamera;
$("which-camera").onclick = ({ target }) => { if (target.dataset.camera) see(target.dataset.camera); };
$("begin-test").onclick = () => see("test:");
$("add-sink").onclick = () => addSink($("new-sink").value.trim());
$("new-sink").onkeydown = (event) => {
  if (event.key === "Enter") { event.preventDefault(); addSink($("new-sink").value.trim()); }
};
$("sink-list").onclick = ({ target }) => { if (target.dataset.sink) removeSink(target.dataset.sink); };
$("puppet-on").onchange = async () => {
  await change(puppet.turned(), $("puppet-problem"));
  if (running()) puppet.show(session.engine.puppet); // where it was refused, it is as it was
};
$("puppet-rest").onclick = () => attempt(async () => show(await puppet.rest()), $("puppet-problem"));
$("record").onclick = () => change(recorder.toggle());
$("save-preset").onclick = () => attempt(() => { presets.save($("preset-name").value.trim(), look()); $("preset-name").value = ""; });
$("preset-list").onclick = ({ target }) => {
  const { use, forget } = target.closest("button")?.dataset ?? {};
  if (use) usePreset(Number(use));
  if (forget) presets.remove(Number(forget));
};

const KEYS = {
  f: fullScreen, c: compare, r: () => $("record").click(), m: () => $("mirror").click(),
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => [number, () => usePreset(number - 1)])),
};
const WRITTEN_IN = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select";
document.addEventListener("keydown", (event) => {
  const writing = event.target.matches(WRITTEN_IN) || $("panel").hidden || files.shown();
  if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

open();
