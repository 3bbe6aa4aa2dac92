// What can be chosen about the faces: model, whose face, share, photograph, and how it looks.

import { $, chosen, element, fill, later, radio, tick } from "./dom.js";

export const CHOICES = ["faces", "blend", "color", "on_miss", "label_place"];
const SLIDERS = ["sharpen", "morph", "shape"];
const PHOTO = ["photo", "consent", "face", "embedder"];
let models = [];
let usual = ""; // the model that draws photographs, where none of its own is chosen

const facts = (name) => models.find((model) => model.name === name);

const occlusion = () => ($("occlusion").checked ? "on" : "off");

/** Everything that is chosen now, in the words of the API. */
export function look() {
  const model = facts(chosen("model"));
  const given = { sharpen: Number($("sharpen").value), occlusion: occlusion(), mirror: $("mirror").checked };
  for (const name of CHOICES) if (chosen(name)) given[name] = chosen(name);
  if ($("label").value.trim()) given.label = $("label").value.trim();
  const map = $("more-map").value.trim();
  if (map) {  // it says which face gets which model, in place of everything that does
    delete given.faces;
    return { ...given, map };
  }
  return model ? { ...given, ...ofModel(model) } : given;
}

function ofModel(model) {
  const given = { model: model.name };
  if (model.several && chosen("identity")) given.identity = chosen("identity");
  if (model.morph) given.morph = Number($("morph").value);
  return model.takes_photo || model.name === usual ? { ...given, ...photograph() } : given;
}

function photograph() {
  const given = {};
  for (const name of PHOTO) if ($(name).value.trim()) given[name] = $(name).value.trim();
  return given.photo ? { ...given, shape: Number($("shape").value) } : {};
}

/** Show what there is, and call `change` with what is chosen. */
export function offer(choices, known, change) {
  models = known;
  usual = choices.defaults.model;
  for (const name of CHOICES) {
    $(name).replaceChildren(...choices[name].map((value) => radio(name, value, value.replace("-", " "))));
    tick(name, choices.defaults[name]);
  }
  $("label").value = choices.defaults.label;
  $("occlusion").checked = choices.defaults.occlusion === "on";
  $("model-list").replaceChildren(...models.map(card));
  tick("model", choices.defaults.model);
  about(chosen("model"));
  const rested = later(120, change);
  for (const name of SLIDERS) {
    $(name).oninput = () => { values(); if (name !== "shape") rested({ [name]: Number($(name).value) }); };
  }
  $("look").onchange = ({ target }) => {
    if (CHOICES.includes(target.name)) change({ [target.name]: target.value });
    if (target.id === "label" && target.value.trim()) change({ label: target.value.trim() });
    if (target.id === "occlusion") change({ occlusion: occlusion() });
    if (target.id === "mirror") change({ mirror: target.checked });
  };
  $("models").onchange = ({ target }) => {
    if (target.name === "identity") change({ identity: target.value });
    if (target.name !== "model") return;
    about(target.value);
    if (!facts(target.value)?.takes_photo) change({ model: target.value });
  };
  $("use-photo").onclick = () => {
    if (!facts(chosen("model"))?.takes_photo) tick("model", usual);
    change({ model: chosen("model"), ...photograph() });
  };
  values();
}

/** Show what the engine runs with, or was asked to; fields that somebody is writing in stay. */
export function reflect({ look, asked, model }) {
  const now = asked ?? look; // before the next frame, a field must not jump back
  for (const name of CHOICES) tick(name, now[name]);
  const busy = document.activeElement;
  if (busy !== $("sharpen")) $("sharpen").value = now.sharpen;
  if (busy !== $("label")) $("label").value = now.label;
  $("mirror").checked = now.mirror;
  $("occlusion").checked = now.occlusion === "on";
  const name = model.loading ?? model.name;
  const waiting = $("photo-row").contains(busy); // whose face is being named
  if (!waiting) { tick("model", name); about(name); }
  if (!model.loading) {
    tick("identity", model.identity);
    if (busy !== $("morph") && model.morph !== null) $("morph").value = model.morph;
  }
  values();
}

/** Put a saved look into the fields; what comes back is what to ask of an engine that runs. */
export function apply(saved) {
  for (const name of CHOICES) tick(name, saved[name]);
  for (const name of SLIDERS) if (saved[name] !== undefined) $(name).value = saved[name];
  if (saved.label) $("label").value = saved.label;
  $("mirror").checked = Boolean(saved.mirror);
  if (saved.occlusion) $("occlusion").checked = saved.occlusion === "on";
  if (!facts(saved.model)) { const { model, identity, morph, ...rest } = saved; return rest; }
  tick("model", saved.model);
  about(saved.model);
  tick("identity", saved.identity);
  for (const name of PHOTO) if (saved[name]) $(name).value = saved[name];
  values();
  return saved;
}

function values() {
  for (const name of SLIDERS) $(`${name}-value`).textContent = Number($(name).value).toFixed(2);
}

function about(name) {
  const model = facts(name);
  $("identity").hidden = !model?.several;
  fill($("identity"), model?.several ? model.identities.map((each) => radio("identity", each.id, each.name)) : []);
  if (model?.several && !chosen("identity")) tick("identity", model.identities[0].id);
  $("morph-row").hidden = !model?.morph;
  $("embedder-row").hidden = !model?.takes_photo;
  if (model?.takes_photo) $("photo-row").open = true;
}

let shown = Promise.resolve();

/** Pictures come one after another: a browser has six connections, and the preview and all requests need theirs. */
function inTurn(picture, address) {
  shown = shown.then(() => new Promise((done) => {
    picture.onload = picture.onerror = done;
    picture.src = address;
  }));
}

function card(model) {
  const label = radio("model", model.name, "");
  label.className = "model";
  const [input, span] = label.children;
  input.disabled = Boolean(model.problem);
  const picture = element("img", "", { alt: "" });
  if (!model.problem && !model.takes_photo) inTurn(picture, `/api/models/${encodeURIComponent(model.name)}/picture`);
  const whom = model.takes_photo ? "whoever a photograph shows"
    : model.identities.map((each) => `${each.name}, ${each.kind}`).join("; ");
  span.append(picture, element("b", model.name), element("small", model.problem ?? whom));
  return label;
}
