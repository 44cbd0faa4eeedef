"use strict";
const rows = [...document.querySelectorAll(".questions tbody tr")];
const buttons = [...document.querySelectorAll("button[data-verdict]")];
const category = document.getElementById("category");
const words = document.getElementById("words");
let verdict = "";

function show() {
  const sought = words.value.toLowerCase();
  for (const row of rows) {
    row.hidden = !((!verdict || row.dataset.verdict === verdict)
      && (!category || !category.value || row.dataset.category === category.value)
      && `${row.textContent} ${row.title}`.toLowerCase().includes(sought));
  }
  document.getElementById("none").hidden = rows.some((row) => !row.hidden);
}
for (const button of buttons) {
  button.addEventListener("click", () => {
    verdict = button.dataset.verdict;
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    show();
  });
}
if (category) category.addEventListener("change", show);
words.addEventListener("input", show);
