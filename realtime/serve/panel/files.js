// Files: dropped on the panel, sent to the daemon, converted with the look that is chosen, and taken back.

import { Refused, ask, plain, token } from "./api.js";
import { $, dropped, element, fill } from "./dom.js";
import { look } from "./look.js";
import { size } from "./recorder.js";
import { send } from "./upload.js";

const LIVE_ONLY = ["on_miss", "mirror"]; // there is nothing to miss in a file
const sending = new Map(); // files under way to the daemon: share by name
let jobs = [];

export const shown = () => document.body.dataset.view === "files";

/** Show the page of files, or that of the session. */
export function view(name) {
  document.body.dataset.view = name;
  for (const which of ["live", "files"]) {
    $(`view-${which}`).setAttribute("aria-pressed", String(which === name));
  }
}

/** What the daemon tells of all jobs, the latest first. */
export function show(list) {
  jobs = list;
  draw();
}

/** Send each file, and ask for it to be converted with the look as it is chosen now. */
export async function convert(files) {
  $("files-problem").textContent = "";
  const settings = look();
  for (const name of LIVE_ONLY) delete settings[name];
  for (const file of files) {
    try {
      sending.set(file.name, 0);
      draw();
      const path = await send(file, (share) => { sending.set(file.name, share); draw(); });
      await ask("POST", "/api/jobs", { input: path, ...settings });
    } catch (error) {
      $("files-problem").textContent = `${file.name}: ${plain(error.message)}`;
    } finally {
      sending.delete(file.name);
      draw();
    }
  }
}

/** Take a result back: the browser keeps it under its name. */
async function download(id, what) {
  const answer = await fetch(`/api/jobs/${id}/${what}`, { headers: { "x-mummer-token": token.get() } });
  if (!answer.ok) throw new Refused((await answer.json().catch(() => ({}))).error ?? "It could not be fetched.", answer.status);
  const name = decodeURIComponent(answer.headers.get("content-disposition").split("''")[1]);
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await answer.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function draw() {
  const coming = [...sending].map(([name, share]) => line(name, "being sent", share, []));
  fill($("job-list"), [...coming, ...jobs.map(job)]);
  $("no-jobs").hidden = jobs.length + sending.size > 0;
}

function job(each) {
  const share = each.expected ? Math.min(each.frames / each.expected, 1) : undefined;
  const buttons = [];
  if (each.state === "done") buttons.push(["Download", "result", `Download ${base(each.output)}`]);
  if (["interrupted", "cancelled", "failed"].includes(each.state)) buttons.push(["Resume", "resume", `Resume ${base(each.input)}`]);
  if (each.manifest) buttons.push(["Signature", "manifest", `Download the signature of ${base(each.output)}`]);
  const active = each.state === "waiting" || each.state === "running";
  buttons.push(active ? ["Cancel", "remove", `Cancel ${base(each.input)}`] : ["Remove", "remove", `Remove ${base(each.input)}`]);
  const made = line(each.state === "done" ? base(each.output) : base(each.input), words(each), each.state === "running" ? share : null, buttons, each.id);
  made.dataset.state = each.state;
  for (const warning of each.warnings) made.append(element("p", plain(warning), { className: "soft" }));
  const folder = each.input.slice(0, each.input.length - base(each.input).length); // where an upload lies tells nobody anything
  if (each.problem) made.append(element("p", plain(each.problem.replaceAll(folder, "")), { className: "problem" }));
  return made;
}

/** A line of the list; a `share` of undefined is a bar of which nobody knows how long it is. */
function line(name, said, share, buttons, id) {
  const made = document.createElement("li");
  const row = element("div", "", { className: "row" });
  const text = element("span", name, { className: "grow" });
  text.append(element("small", ` ${said}`));
  row.append(text);
  for (const [label, what, full] of buttons) {
    const button = element("button", label, { type: "button" });
    Object.assign(button.dataset, { job: id, what });
    button.setAttribute("aria-label", full);
    row.append(button);
  }
  made.append(row);
  if (share !== null) {
    const bar = document.createElement("progress");
    bar.setAttribute("aria-label", `How far ${name} is`);
    if (share !== undefined) bar.setAttribute("value", share.toFixed(3));
    made.append(bar);
  }
  return made;
}

function words(each) {
  if (each.state === "waiting") return `waits, ${each.model}`;
  if (each.state === "running") return each.expected ? `${each.frames} of ${each.expected} frames, ${each.fps.toFixed(1)} a second` : "begins";
  if (each.state === "done") return `${each.swapped} of ${each.frames || 1} frames swapped with ${each.model}, ${size(each.size ?? 0)}`;
  return each.state;
}

const base = (path) => path.split(/[/\\]/).pop();

/** Connect the page; `attempt` runs a task and shows what went wrong with it. */
export function connect(attempt) {
  $("choose-files").onchange = ({ target }) => { convert([...target.files]); target.value = ""; };
  dropped($("drop"), convert);
  $("job-list").onclick = ({ target }) => {
    const { job: id, what } = target.dataset;
    if (what === "remove") attempt(() => ask("DELETE", `/api/jobs/${id}`), $("files-problem"));
    else if (what === "resume") attempt(() => ask("POST", `/api/jobs/${id}/resume`), $("files-problem"));
    else if (what) attempt(() => download(id, what), $("files-problem"));
  };
  $("view-live").onclick = () => view("live");
  $("view-files").onclick = () => view("files");
}
