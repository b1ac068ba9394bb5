// Describes everything on the page that a person could use; see snapshot.py for the meaning of each member.
([textLimit, controlLimit, whole]) => {
  const KEY = Symbol.for('smartlaunch.controls');
  const elements = [], controls = [], forms = [], errors = [], headings = [], minor = [], shadowText = [];
  let nodes = 0, captcha = false;
  const clean = (s, n) => (s || '').replace(/\s+/g, ' ').trim().slice(0, n || 120);
  const shown = el => {
    if (el.checkVisibility && !el.checkVisibility({visibilityProperty: true, opacityProperty: true})) return false;
    if (el.closest('[inert]')) return false;
    const r = el.getBoundingClientRect();
    return r.width > 1 && r.height > 1 && r.right > 0 && r.bottom + (el.ownerDocument.defaultView || window).scrollY > 0;
  };
  const inner = (el, n) => clean(el.innerText !== undefined ? el.innerText : el.textContent, n);
  const label = el => {
    const own = el.getAttribute('aria-label');
    if (own) return clean(own);
    const by = el.getAttribute('aria-labelledby');
    const root = el.getRootNode();
    if (by) {
      const t = by.split(/\s+/).map(i => root.getElementById && root.getElementById(i)).filter(Boolean).map(e => inner(e)).join(' ');
      if (t) return clean(t);
    }
    if (el.labels && el.labels.length) return clean([...el.labels].map(l => inner(l, 300)).join(' '), 300);
    const around = el.closest('label');
    if (around) return inner(around, 300);
    if (el.title) return clean(el.title);
    const cell = el.closest('td');
    if (cell && cell.previousElementSibling && !/^(button|a)$/i.test(el.tagName)) return inner(cell.previousElementSibling);
    if (/^(checkbox|radio)$/.test(el.type || '') && el.parentElement) return inner(el.parentElement, 300);
    const before = el.previousElementSibling;
    if (before && /^(label|span|b|strong|p|div)$/i.test(before.tagName) && !before.querySelector('input,select,button')) return inner(before);
    const told = (el.getAttribute('aria-describedby') || '').split(/\s+/).map(i => i && root.getElementById && root.getElementById(i)).filter(Boolean);
    return clean(told.map(e => inner(e)).join(' '));
  };
  const labelled = el => (el.labels && [...el.labels].some(shown)) || (el.closest('label') && shown(el.closest('label')));
  const hits = (el, win) => {
    const r = el.getBoundingClientRect();
    const x = r.left + r.width / 2, y = r.top + r.height / 2;
    if (x < 0 || y < 0 || x > win.innerWidth || y > win.innerHeight) return true;
    const root = el.getRootNode();
    const at = (root.elementFromPoint ? root : el.ownerDocument).elementFromPoint(x, y);
    return !at || at === el || el.contains(at) || at.contains(el) || (at.tagName === 'LABEL' && at.control === el);
  };
  const PAGER = /(^|[-_ ])(pager|paging|pagination|paginator|paginate)([-_ ]|$)/i;
  const pages = el => {
    for (let up = el, n = 0; up && n < 4; up = up.parentElement, n++)
      if (PAGER.test((typeof up.className === 'string' ? up.className : '') + ' ' + up.id)) return true;
    const beside = el.parentElement ? [...el.parentElement.children].filter(e => e !== el && /^(BUTTON|A)$/.test(e.tagName)) : [];
    return /^(next|more|›|»|>)/i.test(inner(el, 20)) && !!beside.some(e => /^(prev|previous|‹|«|<)/i.test(inner(e, 20)))
      && !(el.form && el.form.querySelector('input:not([type=hidden]),select,textarea'));
  };
  const FRAME = /(^|\s)(nav-?bar|top-?bar|masthead|breadcrumbs?|site-(header|footer)|(nav-?bar-)?(brand|logo))(\s|$)/i;
  const framed = el => {
    for (let up = el, n = 0; up && n < 6; up = up.parentElement, n++)
      if (typeof up.className === 'string' && FRAME.test(up.className)) return true;
    return !!el.closest('header,footer,nav,[role=navigation],[role=banner],[role=contentinfo]');
  };
  const add = (el, kind, extra) => {
    if (controls.length >= controlLimit) return;
    const tag = el.tagName.toLowerCase(), type = (el.getAttribute('type') || '').toLowerCase();
    const form = el.form || el.closest('form');
    let index = -1;
    if (form) { index = forms.indexOf(form); if (index < 0) { forms.push(form); index = forms.length - 1; } }
    const row = el.closest('tr,li,[role=row],[role=listitem],article,.card');
    const data = [];
    for (const holder of row && row !== el ? [el, row] : [el])
      for (const a of holder.attributes) if (a.name.startsWith('data-') && data.length < 12) data.push(a.name + '=' + a.value.slice(0, 120));
    const modal = el.closest('dialog[open],[aria-modal=true]');
    elements.push(el);
    controls.push(Object.assign({
      ref: elements.length - 1, kind, tag, type, name: el.getAttribute('name') || '', id: el.id || '',
      autocomplete: (el.getAttribute('autocomplete') || '').toLowerCase(), label: label(el), placeholder: el.getAttribute('placeholder') || '',
      text: /^(input|select|textarea)$/.test(tag) ? '' : inner(el, 300) || clean([...el.querySelectorAll('img[alt]')].map(i => i.alt).join(' ')),
      value: kind === 'password' || kind === 'text' ? '' : String(el.getAttribute('value') || (tag === 'input' && el.value) || '').slice(0, 300),
      href: tag === 'a' ? el.href || '' : '', context: row && row !== el ? inner(row, 300) : '', row: row && row.id ? row.id.slice(0, 120) : '',
      classes: typeof el.className === 'string' ? el.className.slice(0, 200) : '', data, form: index,
      form_label: form ? [form.id, form.getAttribute('name') || '', form.getAttribute('action') || ''].join(' ').slice(0, 200) : '',
      submit: !!form && (type === 'submit' || type === 'image' || (tag === 'button' && (type === '' || type === 'submit'))),
      checked: !!el.checked || el.getAttribute('aria-checked') === 'true' || el.getAttribute('aria-selected') === 'true',
      disabled: !!el.disabled || el.getAttribute('aria-disabled') === 'true' || !!el.closest('fieldset:disabled'),
      readonly: !!el.readOnly, required: !!el.required || el.getAttribute('aria-required') === 'true',
      filled: /^(text|password)$/.test(kind) && !!el.value, invalid: clean(el.validationMessage), modal: !!(modal && shown(modal)),
      pager: /^(button|a)$/.test(tag) && pages(el),
      outer: framed(el) || within(el),
      opens: !/^(_self)?$/.test(el.getAttribute('formtarget') || el.getAttribute('target') || (form && form.getAttribute('target')) || ''),
      menu: /^(true|menu)$/.test(el.getAttribute('aria-haspopup') || '') || /^dropdown$/.test(el.dataset.toggle || el.dataset.bsToggle || ''),
      hit: hits(el, el.ownerDocument.defaultView || window),
      options: kind === 'select' ? [...el.options].slice(0, 200).map(o =>
        ({value: o.value, text: clean(o.text), selected: o.selected, disabled: o.disabled})) : [],
    }, extra || {}));
  };
  // A link to a place that shows on the same page leads a reader there and nobody on; one that a script may have taken over is another matter.
  const within = el => {
    const place = el.tagName === 'A' ? el.getAttribute('href') || '' : '';
    if (!/^#./.test(place) || el.hasAttribute('role') || el.hasAttribute('onclick') || Object.keys(el.dataset).length) return false;
    const target = el.ownerDocument.getElementById(place.slice(1));
    return !!target && shown(target);
  };
  const QUIET = /^(hidden|submit|button|image|reset|checkbox|radio|file|range|color|password)$/;
  const REAL = 'a[href],button,input:not([type=radio]:disabled):not([type=checkbox]:disabled),select,textarea,[role=button],[role=link],[role=radio],[role=option],[role=checkbox],[onclick]';
  const scripted = document.scripts.length > 0;
  // What names the columns of a list is no member of it, and orders it at most.
  const heads = el => !!el.closest('thead,tfoot,th,[role=columnheader]')
    || (el.tagName === 'TR' && !el.querySelector('td:not([colspan]),td[colspan="1"]'));
  const held = el => /^(TR|LI|LABEL)$/.test(el.tagName) && !!el.querySelector('input[type=radio]:disabled');
  const visit = root => {
    const walker = (root.ownerDocument || root).createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    for (let el = walker.currentNode.nodeType === 1 ? walker.currentNode : walker.nextNode(); el; el = walker.nextNode()) {
      if (++nodes > 30000 || controls.length >= controlLimit) return;
      const tag = el.tagName.toLowerCase();
      if (el.shadowRoot) { visit(el.shadowRoot); for (const c of el.shadowRoot.children) if (c.innerText) shadowText.push(clean(c.innerText, 500)); }
      if (tag === 'iframe' || tag === 'frame') {
        if (/captcha|turnstile|challenges\./i.test(el.src) && !/[?&#]size=invisible/i.test(el.src) && shown(el)) captcha = true;
        try { if (el.contentDocument && el.contentDocument.body && shown(el)) {
          visit(el.contentDocument.body); shadowText.push(clean(el.contentDocument.body.innerText, 500)); } } catch (e) { void e; }
        continue;
      }
      const role = (el.getAttribute('role') || '').toLowerCase();
      if (tag === 'input' || tag === 'textarea') {
        const type = (el.type || 'text').toLowerCase();
        if (type === 'hidden') continue;
        if (type === 'checkbox' || type === 'radio') { if (shown(el) || labelled(el)) add(el, type, {hit: shown(el) && hits(el, window)}); }
        else if (!shown(el)) continue;
        else if (type === 'password') add(el, 'password');
        else if (/^(submit|button|image)$/.test(type)) add(el, 'button', {text: clean(el.value || el.alt || '')});
        else if (!QUIET.test(type)) add(el, 'text', {type});
      } else if (tag === 'select') { if (shown(el)) add(el, 'select'); }
      else if (tag === 'button') { if (shown(el) && (el.type || '') !== 'reset') add(el, 'button'); }
      else if (tag === 'a' && el.hasAttribute('href')) { if (shown(el)) add(el, 'link'); }
      else if (role === 'radio' || role === 'checkbox') { if (shown(el)) add(el, role, {value: el.getAttribute('data-value') || ''}); }
      else if (/^(button|link|option|menuitem|tab)$/.test(role) || el.hasAttribute('onclick')) {
        if (shown(el) && !el.querySelector(REAL) && !heads(el)) add(el, 'button'); }
      else if (scripted && /^(tr|li|div|article|td|span|label|a|mat-card|ion-item)$/.test(tag) && !el.querySelector(REAL)
               && (getComputedStyle(el).cursor === 'pointer' || held(el)) && shown(el) && !heads(el)
               && !(tag === 'label' && el.control && !el.control.disabled)
               && !(el.parentElement && (el.parentElement.closest(REAL + ',label') || getComputedStyle(el.parentElement).cursor === 'pointer')))
        add(el, 'button');
      if (/^(h1|h2|h3|legend|caption)$/.test(tag) || role === 'heading') { if (headings.length < 12 && shown(el)) headings.push(inner(el, 160)); }
      else if (/^(h4|h5)$/.test(tag) && minor.length < 4 && shown(el)) minor.push(inner(el, 160));
      if (errors.length < 4 && !/(^|\s)(btn|button)(\s|$)/.test(el.className) && (role === 'alert' || /(^|[-_ ])(error|errors|alert|invalid|danger|feedback)/i.test(
          (typeof el.className === 'string' ? el.className : '') + ' ' + el.id)) && !/^(input|form|body|html|label|button|a)$/.test(tag) && shown(el)) {
        const t = inner(el, 240);
        if (t && !errors.some(x => x.includes(t) || t.includes(x))) errors.push(t);
      }
    }
  };
  const body = document.body;
  let text = '';
  const nav = performance.getEntriesByType('navigation')[0];
  const ready = document.readyState === 'complete' || (document.readyState === 'interactive' && !!nav && nav.domContentLoadedEventEnd > 0);
  const walked = () => {
    const w = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    let found = '', steps = 0;
    for (let n = w.nextNode(); n && found.length < textLimit && ++steps < 2000; n = w.nextNode())
      if (n.data.trim() && n.parentElement && !/^(SCRIPT|STYLE|NOSCRIPT)$/.test(n.parentElement.tagName))
        found += n.data.trim().slice(0, textLimit) + ' ';
    return found;
  };
  if (body && !ready) text = walked().slice(0, textLimit);
  if (body && ready) {
    visit(body);
    text = document.documentElement.textContent.length < 300000 ? body.innerText || '' : walked();
    text = (text + ' ' + shadowText.join(' ')).replace(/[^\S\n]+/g, ' ').replace(/\s*\n\s*/g, '\n').trim().slice(0, textLimit);
  }
  const meta = document.querySelector('meta[http-equiv=refresh i]');
  const delay = meta ? parseFloat(meta.content) : NaN;
  Object.defineProperty(window, KEY, {value: elements, configurable: true, enumerable: false, writable: true});
  const found = {
    url: location.href, title: clean(document.title, 200), text, headings: headings.length ? headings : minor, errors, controls, captcha,
    ready,
    complete: document.readyState === 'complete', scripts: document.scripts.length,
    refresh: meta && !Number.isNaN(delay) ? delay : null, document: String(performance.timeOrigin),
  };
  // One text crosses to the driver several times faster than an object; some libraries teach arrays to write themselves differently.
  const altered = [Object, Array, String, Number, Boolean].some(kind => kind.prototype.toJSON);
  try { return whole || altered ? found : JSON.stringify(found); } catch { return found; }
}
