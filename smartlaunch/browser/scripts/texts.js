// Every text that a picture of the page would show, and whether it stands where pages show persons; keeps the places for covering.
(picker) => {
  const places = [], texts = [];
  const LABEL = /^\W*(full |patient |first |last |family |given |legal |preferred )?(name|patient|dob|d\.o\.b\.|date of birth|birth ?date|born|mrn|record number|medical record|address|phone|telephone|mobile|e-?mail|ssn|member id|age|sex|gender)\W*$/i;
  const flat = s => (s || '').replace(/\s+/g, ' ').trim();
  const row = el => { const r = el.closest('tbody tr,li,[role=row],[role=option],[role=listitem],.card,article,label,option');
    return !!r && !el.closest('thead,th') && (r.matches('label,option,[role=option]') || !!r.querySelector('a,button,input') || r.hasAttribute('onclick')
      || r.hasAttribute('tabindex') || getComputedStyle(r).cursor === 'pointer'); };
  const beside = el => {
    const before = el.previousElementSibling || (el.parentElement && /^(TD|DD|SPAN|B|STRONG)$/.test(el.tagName) ? null : el.parentElement && el.parentElement.previousElementSibling);
    return !!before && !el.closest('thead,th') && !before.querySelector('input,select,textarea') && flat(before.textContent).length < 30 && LABEL.test(flat(before.textContent));
  };
  const own = el => (el.labels && [...el.labels].some(l => LABEL.test(flat(l.textContent)))) || false;
  const add = (place, text, personal) => { if (text && text.trim() && places.length < 6000) { places.push(place); texts.push([text.slice(0, 4000), personal]); } };
  const visit = root => {
    const w = (root.ownerDocument || root).createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let n = w.nextNode(); n; n = w.nextNode()) {
      if (n.nodeType === 3) {
        const el = n.parentElement;
        if (!el || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(el.tagName)) continue;
        const inline = /^[^:]{2,30}:\s*\S/.test(flat(n.data)) && LABEL.test(flat(n.data).split(':')[0]);
        const labelled = !!n.previousSibling && n.previousSibling.nodeType === 1 && LABEL.test(flat(n.previousSibling.textContent));
        add([n, 'data'], n.data, (picker && row(el)) || beside(el) || inline || labelled);
        continue;
      }
      if (n.shadowRoot) visit(n.shadowRoot);
      if (n.tagName === 'IFRAME') { try { if (n.contentDocument && n.contentDocument.body) visit(n.contentDocument.body); } catch (e) { void e; } continue; }
      if (/^(INPUT|TEXTAREA)$/.test(n.tagName) && !/^(hidden|checkbox|radio|file|image)$/.test(n.type)) {
        const button = /^(submit|button|reset)$/.test(n.type);
        if (n.type !== 'password') add([n, 'value'], n.value, !button && (own(n) || beside(n)));
      }
      for (const name of ['placeholder', 'title', 'alt']) if (n.hasAttribute(name)) add([n, '@' + name], n.getAttribute(name), picker && row(n));
    }
  };
  visit(document.body || document.documentElement);
  Object.defineProperty(window, Symbol.for('smartlaunch.places'), {value: {places, kept: []}, configurable: true, enumerable: false, writable: true});
  return texts;
}
