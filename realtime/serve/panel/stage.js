// The pictures: before and after, side by side or over one another, and on the whole screen.

import { ask } from "./api.js";
import { $ } from "./dom.js";

/** Ask for pictures for ever, while `running()`. */
export async function preview(running) {
  for (;;) {
    if (!running() || !$("watch").checked || document.hidden) { await pause(300); continue; }
    try {
      const blob = await ask("GET", `/api/preview?width=${document.fullscreenElement ? 1280 : 640}`);
      if (blob) draw(await createImageBitmap(blob));
    } catch { /* the line over the figures says that the daemon is gone */ }
    await pause(document.fullscreenElement ? 20 : 120);
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

/** Lay before over after, with a slider between them; or side by side again. */
export function compare() {
  const over = $("pictures").classList.toggle("over");
  $("compare").setAttribute("aria-pressed", String(over));
  $("compare-slider").hidden = !over;
}

/** What goes out, on the whole screen; or back. */
export async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await ($("returned").hidden ? $("figure-after") : $("returned")).requestFullscreen();
}

$("compare").onclick = compare;
$("full-screen").onclick = fullScreen;
$("compare-at").oninput = () => $("pictures").style.setProperty("--at", `${$("compare-at").value}%`);
