// The recording button: a file more among the sinks, with its length and its size.

import { $ } from "./dom.js";

let folder = null;
let file = null; // the address of the recording that runs

/** Recordings go to this folder; without one there are none. */
export function into(where) {
  folder = where;
  $("record-hint").hidden = where !== null;
}

/** What to ask of the engine so that recording begins, or ends. */
export function toggle() {
  if (file) return { remove_sinks: [file] };
  if (!folder) return null;
  const now = new Date();
  const stamp = new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 19).replace("T", "_").replaceAll(":", "-");
  return { add_sinks: [`${folder}/mummer_${stamp}.mp4`] };
}

/** Show how long and how large it is by now. */
export function show(engine) {
  const sink = engine?.sinks.find((each) => each.written !== null && each.address.startsWith(`${folder}/mummer_`));
  file = sink?.address ?? null;
  const button = $("record");
  button.disabled = !engine || !folder;
  button.setAttribute("aria-pressed", String(Boolean(file)));
  button.textContent = sink ? `Stop recording  ${length(sink.seconds)}  ${size(sink.written)}` : "Record";
}

export const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const length = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
