// Before the page is drawn: a chosen theme, else the system's.
(function () {
  let chosen = null;
  try { chosen = localStorage.getItem("nutsbench-theme"); } catch (error) { /* from disk it may be forbidden */ }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
