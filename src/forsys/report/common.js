// Tables: a click on a heading sorts, numbers from the largest.
(() => {
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
  };
  const compare = (a, b) =>
    typeof a === typeof b ? (typeof a === "number" ? a - b : a.localeCompare(b)) : typeof a === "number" ? 1 : -1;
  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => {
        const rows = [...table.tBodies[0].rows];
        const numbers = rows.some((row) => "value" in row.cells[column].dataset);
        const before = heading.getAttribute("aria-sort");
        const rising = before ? before === "descending" : !numbers;
        rows.sort((a, b) => (rising ? 1 : -1) * compare(valueOf(a, column), valueOf(b, column)));
        headings.forEach((each) => each.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
        table.tBodies[0].append(...rows);
      });
    });
  }
})();

// Tables that are wider than the screen say so, until their end is seen.
for (const scroll of document.querySelectorAll(".scroll")) {
  const update = () => {
    const left = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft;
    scroll.parentElement.classList.toggle("more", left > 4);
  };
  scroll.addEventListener("scroll", update, { passive: true });
  new ResizeObserver(update).observe(scroll);
}

// Sections: folded on a phone, but for the first ones; a link into one opens it, and all are printed.
(() => {
  const folds = [...document.querySelectorAll(".fold")];
  if (matchMedia("(max-width: 900px)").matches) {
    for (const fold of folds) fold.open = "first" in fold.dataset;
  }
  const reveal = () => {
    const fold = document.getElementById(location.hash.slice(1))?.querySelector(".fold");
    if (fold && !fold.open) {
      fold.open = true;
      fold.scrollIntoView();
    }
  };
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.addEventListener("click", () => setTimeout(reveal)); // again, where the address stays the same
  }
  addEventListener("hashchange", reveal);
  reveal();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = folds.filter((fold) => !fold.open);
    folded.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((fold) => { fold.open = false; }));
})();
