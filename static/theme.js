// Runs before the page is drawn, so that a chosen theme does not flash.
try {
  const theme = JSON.parse(localStorage.getItem("wslab:theme") || "null");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme stands.
}
