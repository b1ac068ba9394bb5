// Puts other texts in some of the places that texts.js found, and keeps what stood there; hides what could not be read. What a style sheet
// writes is made invisible, and where no person may be seen, pictures and backgrounds are too.
([changed, people]) => {
  const known = window[Symbol.for('smartlaunch.places')];
  const set = (place, text) => {
    const [node, what] = place;
    if (what === 'data') node.data = text;
    else if (what === 'value') node.value = text;
    else node.setAttribute(what.slice(1), text);
  };
  for (const [number, text] of changed) {
    const place = known.places[number], [node, what] = place;
    known.kept.push([place, what === 'data' ? node.data : what === 'value' ? node.value : node.getAttribute(what.slice(1))]);
    set(place, text);
  }
  for (const el of people ? known.unread : [...known.unread, ...known.pictures]) {
    const before = el.getAttribute('style');
    el.style.setProperty('opacity', '0', 'important');
    known.undo.push(() => { el.getAttribute('style'); before === null ? el.removeAttribute('style') : el.setAttribute('style', before); });
  }
  for (const el of people ? [] : known.drawn) {
    el.setAttribute('data-smartlaunch-drawn', '');
    known.undo.push(() => el.removeAttribute('data-smartlaunch-drawn'));
  }
  const unseen = 'color: transparent !important; -webkit-text-fill-color: transparent !important; text-shadow: none !important';
  const plain = 'background-image: none !important; border-image: none !important; list-style-image: none !important; mask-image: none !important';
  const rules = `*::before, *::after, *::marker { ${unseen} }` + (people ? '' : ` *, *::before, *::after { ${plain} } [data-smartlaunch-drawn]::before, [data-smartlaunch-drawn]::after { content: none !important }`);
  for (const root of new Set(known.roots)) {  // not as an element: a page may forbid those
    const sheet = new (root.ownerDocument || root).defaultView.CSSStyleSheet(), before = [...root.adoptedStyleSheets];
    sheet.replaceSync(rules);
    root.adoptedStyleSheets = [...before, sheet];
    known.undo.push(() => { root.adoptedStyleSheets = before; });
  }
  return known.kept.length;
}
