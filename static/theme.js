// Runs before the page is drawn, so that it never shows another theme first.
try {
  const theme = JSON.parse(localStorage.getItem("wslab:theme") || "null");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the page has the system's theme.
}
