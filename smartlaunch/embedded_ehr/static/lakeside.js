"use strict";
// Narrows a list of choices while one types. Without scripts the whole list stays.
for (const box of document.querySelectorAll("[data-filters]")) {
  const rows = [...document.querySelectorAll(`#${box.dataset.filters} > li`)];
  const status = document.getElementById(`${box.dataset.filters}-status`);
  box.closest(".field").hidden = false;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    status.textContent = words.length ? (shown === 1 ? "1 match" : `${shown} matches`) : "";
  });
}
