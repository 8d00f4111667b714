/** The service's sentences are for who writes requests; these are the page's words for the same. */

const WORDS = [
  [/\s*\(curl: [^)]*\)/, ""],
  [/negate it, or add fit=garment to have that done\./, "have it read as a photo, by “Read your picture”, and that is mended."],
  [/resize it, or add fit=garment to have any photo fitted\./, "have it read as a photo, by “Read your picture”."],
  [/: it begins with the bytes .*$/, ": choose another file."],
  [/: send the bytes of a .*$/, ": choose another file."],
  [/(: it is damaged or cut short)\.$/, "$1. Choose another file."],
  [/^(The model .* is not available: .*[^.])\.?$/, "$1. Ask whoever runs the service; the other models answer meanwhile."],
];

/** A warning or an error's sentence for a person who looks at the page. */
export function plain(sentence) {
  return WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), sentence);
}
