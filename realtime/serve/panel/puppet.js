// A photo that moves in place of the camera's picture.

import { ask } from "./api.js";
import { $ } from "./dom.js";

/** What is chosen, in the words of the API; nothing where no photo is to move. */
export const chosen = () => ($("puppet-on").checked ? named() : {});

/** What to ask of an engine that runs, now that the switch was turned. */
export const turned = () => ($("puppet-on").checked ? named() : { puppet: null });

function named() {
  const consent = $("puppet-consent").value.trim();
  return { puppet: $("puppet-photo").value.trim() || null, ...(consent ? { consent } : {}) };
}

/** The performer's face as it is now becomes the photo's rest. */
export const rest = () => ask("POST", "/api/session/rest");

export function show(puppet) {
  $("puppet-on").checked = Boolean(puppet);
  $("puppet-rest").disabled = !puppet;
  const how = puppet?.rested ? (puppet.moving ? "moves" : "rests: nobody is seen") : "waits for a performer at rest";
  $("puppet-name").textContent = puppet ? `${puppet.identity} ${how}` : "off";
  if (puppet && document.activeElement !== $("puppet-photo")) $("puppet-photo").value = puppet.photo;
}
