// Every text that a picture of the page would show, whether it stands where pages show persons, and in which block; keeps the places for
// covering, and what a picture would show that cannot be read here: pictures, canvases, foreign documents, closed trees.
(picker) => {
  const places = [], texts = [], roots = [], unread = [], pictures = [], drawn = [], blocks = new Map();
  const LABEL = /^\W*(full |patient |first |last |family |given |legal |preferred )?(name|patient|dob|d\.o\.b\.|date of birth|birth ?date|born|mrn|record number|medical record|address|phone|telephone|mobile|e-?mail|ssn|member id|age|sex|gender)\W*$/i;
  const HOST = /^(ARTICLE|ASIDE|BLOCKQUOTE|DIV|FOOTER|H[1-6]|HEADER|MAIN|NAV|P|SECTION|SPAN|.+-.+)$/, INLINE = /^(A|ABBR|B|BDI|BDO|CITE|CODE|EM|FONT|I|KBD|MARK|S|SAMP|SMALL|SPAN|STRONG|SUB|SUP|TT|U|VAR|WBR)$/, ICON = 48;
  const flat = s => (s || '').replace(/\s+/g, ' ').trim();
  const row = el => { const r = el.closest('tbody tr,li,[role=row],[role=option],[role=listitem],.card,article,label,option');
    return !!r && !el.closest('thead,th') && (r.matches('label,option,[role=option]') || !!r.querySelector('a,button,input') || r.hasAttribute('onclick')
      || r.hasAttribute('tabindex') || getComputedStyle(r).cursor === 'pointer'); };
  const beside = el => {
    const before = el.previousElementSibling || (el.parentElement && /^(TD|DD|SPAN|B|STRONG)$/.test(el.tagName) ? null : el.parentElement && el.parentElement.previousElementSibling);
    return !!before && !el.closest('thead,th') && !before.querySelector('input,select,textarea') && flat(before.textContent).length < 30 && LABEL.test(flat(before.textContent));
  };
  const own = el => (el.labels && [...el.labels].some(l => LABEL.test(flat(l.textContent)))) || false;
  const block = el => { while (el && INLINE.test(el.tagName) && el.parentElement) el = el.parentElement; if (!blocks.has(el)) blocks.set(el, blocks.size); return blocks.get(el); };
  const add = (place, text, personal, where) => { if (text && text.trim() && places.length < 6000) { places.push(place); texts.push([text.slice(0, 4000), personal, where]); } };
  const box = el => { const r = el.getBoundingClientRect(); return r.width * r.height > 0; };
  const shown = n => { if (n.nodeType === 1) return n.getClientRects().length > 0; if (n.nodeType !== 3 || !n.data.trim()) return false;
    const r = n.ownerDocument.createRange(); r.selectNodeContents(n); return r.getClientRects().length > 0; };
  const closed = el => HOST.test(el.tagName) && !el.shadowRoot && box(el) && ![...el.childNodes].some(shown);
  const visit = root => {
    roots.push(root.getRootNode());
    const w = (root.ownerDocument || root).createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let n = w.nextNode(); n; n = w.nextNode()) {
      if (n.nodeType === 3) {
        const el = n.parentElement || (n.parentNode && n.parentNode.host);
        if (!el || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(el.tagName)) continue;
        const inline = /^[^:]{2,30}:\s*\S/.test(flat(n.data)) && LABEL.test(flat(n.data).split(':')[0]);
        const labelled = !!n.previousSibling && n.previousSibling.nodeType === 1 && LABEL.test(flat(n.previousSibling.textContent));
        add([n, 'data'], n.data, (picker && row(el)) || beside(el) || inline || labelled, block(el));
        continue;
      }
      if (n.shadowRoot) visit(n.shadowRoot);
      if (n.tagName === 'IFRAME') {
        let inner = null;
        try { inner = n.contentDocument && n.contentDocument.body; } catch (e) { void e; }
        if (inner) visit(inner); else unread.push(n);
        continue;
      }
      if (/^(OBJECT|EMBED|CANVAS|VIDEO|FRAME|FENCEDFRAME)$/.test(n.tagName) || closed(n)) unread.push(n);
      if (/^(img|image)$/i.test(n.tagName) || (n.tagName === 'INPUT' && n.type === 'image')) {
        const r = n.getBoundingClientRect();
        if (r.width > ICON || r.height > ICON) pictures.push(n);
      }
      for (const which of ['::before', '::after']) if (getComputedStyle(n, which).content.includes('url(')) drawn.push(n);
      if (/^(INPUT|TEXTAREA)$/.test(n.tagName) && !/^(hidden|checkbox|radio|file|image)$/.test(n.type)) {
        const button = /^(submit|button|reset)$/.test(n.type);
        if (n.type !== 'password') add([n, 'value'], n.value, !button && (own(n) || beside(n)), -1);
      }
      for (const name of ['placeholder', 'title', 'alt', 'label']) if (n.hasAttribute(name)) add([n, '@' + name], n.getAttribute(name), picker && row(n), -1);
    }
  };
  visit(document.body || document.documentElement);
  Object.defineProperty(window, Symbol.for('smartlaunch.places'), {value: {places, kept: [], roots, unread, pictures, drawn, undo: []}, configurable: true, enumerable: false, writable: true});
  return texts;
}
