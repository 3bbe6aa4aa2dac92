// What is settled when a session begins: size, rate, sound, and where the work is done.

import { $, element } from "./dom.js";

const NUMBERS = ["fps", "delay", "buffer", "bitrate", "faces_min"];
const WORDS = ["size", "audio", "light_model", "detector", "device"];

/** What is chosen, in the words of the API; what is left empty is the daemon's to choose. */
export function chosen() {
  const given = {};
  for (const name of [...NUMBERS, ...WORDS]) {
    const value = $(`more-${name}`).value.trim();
    if (value) given[name] = NUMBERS.includes(name) ? Number(value) : value;
  }
  return given;
}

/** Show what there is to choose from. */
export function offer(choices, models, devices) {
  const detectors = choices.detector.map((name) => [name, name]);
  const computers = devices.computers.filter((each) => !each.missing).map((each) => [each.name, each.name]);
  const lighter = models.filter((each) => !each.problem && !each.takes_photo).map((each) => [each.name, each.name]);
  const microphones = devices.microphones.map((each) => [each.address, each.name]);
  for (const [name, pairs] of Object.entries({ detector: detectors, device: computers, light_model: lighter, audio: microphones })) {
    $(`more-${name}`).replaceChildren(element("option", "as usual", { value: "" }), ...pairs.map(([value, text]) => new Option(text || value, value)));
  }
}
