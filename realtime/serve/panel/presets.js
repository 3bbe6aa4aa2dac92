// Looks with a name, kept in this browser.

import { $, element, fill } from "./dom.js";

const KEY = "mummer-presets";
const MOST = 9; // each has a key

const read = () => { try { return JSON.parse(localStorage.getItem(KEY)) ?? []; } catch { return []; } };

function write(presets) {
  localStorage.setItem(KEY, JSON.stringify(presets));
  draw();
}

/** Save `look` under a name; one of the same name is replaced. Throws where there is no room or no name. */
export function save(name, look) {
  if (!name) throw new Error("Give the preset a name.");
  const others = read().filter((each) => each.name !== name);
  if (others.length >= MOST) throw new Error(`There is room for ${MOST} presets. Remove one first.`);
  write([...others, { name, look }]);
}

export const remove = (index) => write(read().filter((_, other) => other !== index));

/** The look of the preset with this number, counted from 0; nothing where there is none. */
export const at = (index) => read()[index]?.look;

export function draw() {
  fill($("preset-list"), read().map(({ name }, index) => {
    const line = document.createElement("li");
    const use = element("button", name, { type: "button" });
    use.dataset.use = index;
    use.prepend(element("kbd", String(index + 1)), " ");
    const forget = element("button", "×", { type: "button" });
    forget.dataset.forget = index;
    forget.setAttribute("aria-label", `Remove the preset ${name}`);
    line.append(use, forget);
    return line;
  }));
}
