"use strict";
const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
const pictures = parsed("pictures");
const columns = parsed("columns");
const fill = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    target.src = pictures[target.dataset.picture];
    fill.unobserve(target);
  }
}, { rootMargin: "600px" });
document.querySelectorAll("img[data-picture]").forEach((image) => fill.observe(image));

// What one token is: under the pointer, or tapped.
const told = document.getElementById("token");
let current = null;
function tell(token) {
  if (current) current.classList.remove("on");
  current = token;
  told.hidden = !token;
  if (!token) return;
  token.classList.add("on");
  const stretch = token.closest(".stretch");
  const role = token.parentElement.dataset.role;
  const values = (token.dataset.v || "").split(" ").filter(Boolean);
  told.textContent = [
    `“${token.textContent.replaceAll("⏎\n", "\\n")}”`,
    `token ${token.dataset.p}`,
    `id ${token.dataset.i}`,
    role,
    stretch.classList.contains("learned") ? "trained on" : "not trained on",
    ...values.map((value, n) => `${columns[n]} ${value}`),
  ].join("  ·  ");
}
const tokenAt = (event) => event.target.closest && event.target.closest(".tokens i");
document.addEventListener("pointerover", (event) => { if (tokenAt(event)) tell(tokenAt(event)); });
document.addEventListener("click", (event) => tell(tokenAt(event)));

// An image and its placeholders light up together, and lead to each other.
const partners = (name) => document.querySelectorAll(`[data-image="${name}"]`);
function light(event, lit) {
  const own = event.target.closest && event.target.closest("[data-image]");
  if (own) partners(own.dataset.image).forEach((one) => one.classList.toggle("lit", lit));
}
document.addEventListener("pointerover", (event) => light(event, true));
document.addEventListener("pointerout", (event) => light(event, false));
document.addEventListener("focusin", (event) => light(event, true));
document.addEventListener("focusout", (event) => light(event, false));
document.addEventListener("click", (event) => {
  const own = event.target.closest("[data-image]");
  if (!own) return;
  const figure = own.matches("figure");
  const other = [...partners(own.dataset.image)].find((one) => one.matches("figure") !== figure);
  if (!figure && other) {
    document.querySelectorAll("figure.large").forEach((one) => one.classList.remove("large"));
    other.classList.add("large");
  }
  document.querySelectorAll(".lit").forEach((one) => one.classList.remove("lit"));
  partners(own.dataset.image).forEach((one) => one.classList.add("lit"));
  if (other) other.scrollIntoView({ block: "center" });
});

const all = document.getElementById("all");
const only = document.getElementById("only");
function show(trainedOnly) {
  document.body.classList.toggle("only", trainedOnly);
  all.setAttribute("aria-pressed", String(!trainedOnly));
  only.setAttribute("aria-pressed", String(trainedOnly));
}
all.addEventListener("click", () => show(false));
only.addEventListener("click", () => show(true));

// A column's numbers as colours: blue above 0, red below, the strongest at the largest.
const column = document.getElementById("column");
if (column) column.addEventListener("change", () => {
  const tokens = [...document.querySelectorAll("i[data-v]")];
  const values = tokens.map((token) => Number(token.dataset.v.split(" ")[column.value]));
  const largest = Math.max(...values.map(Math.abs), 1e-9);
  tokens.forEach((token, n) => {
    const strength = column.value ? Math.round(80 * Math.abs(values[n]) / largest) : 0;
    const colour = values[n] < 0 ? "#e03131" : "#1c7ed6";
    token.style.background = strength
      ? `color-mix(in srgb, ${colour} ${strength}%, transparent)` : "";
  });
});
