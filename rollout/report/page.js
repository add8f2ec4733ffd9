"use strict";
for (const form of document.querySelectorAll("form.filter")) {
  const find = form.querySelector("input");
  const reason = form.querySelector("select");
  const found = form.querySelector("output");
  const rows = Array.from(form.parentElement.querySelectorAll("table.decisions tbody tr"), (tr) => {
    const code = tr.querySelector("td:last-child b");
    return { tr, text: tr.textContent.toLowerCase(), code: code ? code.textContent : "" };
  });
  const apply = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const match = (!reason.value || row.code === reason.value) && words.every((w) => row.text.includes(w));
      row.tr.hidden = !match;
      if (match) shown++;
    }
    found.textContent = `${shown} of ${rows.length}`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (e) => e.preventDefault());
  apply();
}
