"use strict";
const pictures = JSON.parse(document.getElementById("pictures").textContent);
const fill = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    target.src = pictures[target.dataset.digest] || "";
    fill.unobserve(target);
  }
}, { rootMargin: "600px" });
document.querySelectorAll("img[data-digest]").forEach((image) => fill.observe(image));

const articles = [...document.querySelectorAll("article")];
const buttons = [...document.querySelectorAll("button[data-verdict]")];
const tool = document.getElementById("tool");
const words = document.getElementById("words");
let verdict = "";

function show() {
  const sought = words.value.toLowerCase();
  let shown = 0;
  for (const article of articles) {
    const fits = (!verdict || article.dataset.verdict === verdict)
      && (!tool.value || article.dataset.tools.split(" ").includes(tool.value))
      && article.querySelector("summary").textContent.toLowerCase().includes(sought);
    article.hidden = !fits;
    shown += fits;
  }
  document.getElementById("none").hidden = shown > 0;
}
for (const button of buttons) {
  button.addEventListener("click", () => {
    verdict = button.dataset.verdict;
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    show();
  });
}
tool.addEventListener("change", show);
words.addEventListener("input", show);

// A link to an episode opens it, wherever it comes from.
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target) { target.querySelector("details").open = true; target.scrollIntoView(); }
}
window.addEventListener("hashchange", openTarget);
openTarget();
