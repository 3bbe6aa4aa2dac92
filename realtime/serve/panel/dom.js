// Small helpers of all parts of the panel.

export const $ = (id) => document.getElementById(id);

/** Give `parent` these children, unless it has the same already: what has the focus keeps it. */
export function fill(parent, children) {
  const now = children.map((child) => child.outerHTML).join("");
  if (parent.dataset.now !== now) { parent.replaceChildren(...children); parent.dataset.now = now; }
}

export function element(kind, text = "", more = {}) {
  const made = Object.assign(document.createElement(kind), more);
  made.textContent = text;
  return made;
}

export function radio(name, value, text) {
  const label = document.createElement("label");
  label.append(Object.assign(document.createElement("input"), { type: "radio", name, value }), element("span", text));
  return label;
}

export function chosen(name) { return document.querySelector(`input[name="${name}"]:checked`)?.value; }

export function tick(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${CSS.escape(value ?? "")}"]`);
  if (input) input.checked = true;
}

/** `task`, once nobody has called for so long: a slider that is dragged asks once it rests a moment. */
export function later(wait, task) {
  let timer;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => task(...given), wait); };
}

/** Call `take` with the files that are dropped on `zone`. */
export function dropped(zone, take) {
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
}
