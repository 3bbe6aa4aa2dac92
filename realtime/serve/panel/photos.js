// Photographs and consent records from this computer: dropped or chosen, sent, and named where they are asked for.

import { plain } from "./api.js";
import { $, dropped } from "./dom.js";
import { send } from "./upload.js";

/** Let files come into `zone`: a picture names the field `photo`, a record the field `consent`. */
function accept(zone, chooser, photo, consent, problem) {
  const take = async (files) => {
    $(problem).textContent = "";
    for (const file of files) {
      try {
        $(file.name.toLowerCase().endsWith(".json") ? consent : photo).value = await send(file);
      } catch (error) {
        $(problem).textContent = `${file.name}: ${plain(error.message)}`;
      }
    }
  };
  dropped($(zone), take);
  $(chooser).onchange = ({ target }) => { take([...target.files]); target.value = ""; };
}

export function connect() {
  accept("photo-row", "send-photo", "photo", "consent", "photo-problem");
  accept("puppet", "send-puppet", "puppet-photo", "puppet-consent", "puppet-problem");
}
