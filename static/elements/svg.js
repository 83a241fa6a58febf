/** Pictures made of SVG elements. */

/**
 * Makes an SVG element.
 * @param {string} tag
 * @param {Record<string, string|number|undefined>} [attributes] undefined leaves one out
 * @param {...(Node|string)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, String(value));
  node.append(...children);
  return /** @type {SVGElement} */ (node);
}

/** A length that grows with the picture. @param {number} part from 0 to 1 */
export const percent = (part) => `${(100 * part).toFixed(2)}%`;
