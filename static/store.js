/**
 * Values that the page keeps in the browser. Storage may be off or full; the page
 * then works without them.
 */

/**
 * @param {"local"|"session"} where
 * @param {string} key
 * @returns {any} undefined if there is no readable value
 */
export function recall(where, key) {
  try {
    const text = (where === "local" ? localStorage : sessionStorage).getItem(`wslab:${key}`);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {"local"|"session"} where
 * @param {string} key
 * @param {unknown} value undefined removes the key
 */
export function remember(where, key, value) {
  try {
    const storage = where === "local" ? localStorage : sessionStorage;
    if (value === undefined) storage.removeItem(`wslab:${key}`);
    else storage.setItem(`wslab:${key}`, JSON.stringify(value));
  } catch {
    // The page works without the stored value.
  }
}
