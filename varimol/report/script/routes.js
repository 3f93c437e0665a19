// Which page is shown follows the address: #patient=ID, or a section of the overview.

const overview = document.getElementById("overview");
const page = document.getElementById("patient");
const title = document.title;

function wantedPatient() {
  const match = /^#patient=(.*)$/.exec(location.hash);
  if (!match) return null;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return match[1];
  }
}

function show(cohort, moved) {
  const id = wantedPatient();
  overview.hidden = id !== null;
  page.hidden = id === null;
  if (id === null) {
    document.title = title;
    page.replaceChildren();
    const target = moved && document.getElementById(location.hash.slice(1) || "top");
    if (target) target.scrollIntoView();
    return;
  }
  const number = cohort.index.get(id);
  page.replaceChildren(...(number === undefined ? unknownPatient(id) : patientPage(cohort, number)));
  document.title = `Patient ${id} · ${title}`;
  window.scrollTo(0, 0);
  document.getElementById("announce").textContent = `Patient ${id}`;
  if (moved) page.querySelector("h1").focus({ preventScroll: true });
}

function unknownPatient(id) {
  return [el("h1", { tabindex: "-1" }, "No such patient"), empty(`“${id}” is not in this cohort.`),
    el("p", {}, el("a", { href: "#patients" }, "All patients"))];
}

function turnPage(event) {
  if (page.hidden || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest && event.target.closest("input, select, textarea, .scroll")) return;
  const relation = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = relation && page.querySelector(`a[rel="${relation}"]`);
  if (link) location.hash = link.getAttribute("href");
}

// Paper cannot be clicked: every row is printed with its evidence, but a fold that the reader left closed stays so.
function openRows() {
  for (const toggle of page.querySelectorAll('.toggle[aria-expanded="false"]')) {
    if (!toggle.closest("details:not([open])")) toggle.click();
  }
}

readData().then((data) => {
  const cohort = new Cohort(data);
  document.getElementById("patient-index").replaceChildren(...patientIndex(cohort));
  window.addEventListener("hashchange", () => show(cohort, true));
  window.addEventListener("beforeprint", openRows);
  document.addEventListener("keydown", turnPage);
  show(cohort, Boolean(wantedPatient() === null && location.hash));
  document.documentElement.dataset.ready = "true";
}).catch((error) => {
  document.getElementById("patient-index").replaceChildren(empty(`The patients' data could not be read. ${error.message}`));
});
