// Tells what a person does on a page: which element, and for a choice its value; texts are told too, and kept nowhere.
() => {
  const mark = Symbol.for('smartlaunch.watched');
  if (window[mark] || typeof window.smartlaunchSaw !== 'function') return;
  window[mark] = true;
  const plain = id => /^[A-Za-z][\w-]*$/.test(id) && !/\d{4,}|[0-9a-f]{8,}|:r/i.test(id);
  const q = text => JSON.stringify(text);
  const words = el => (el.innerText || el.value || '').trim().replace(/\s+/g, ' ').slice(0, 60);
  const selector = el => {
    const tag = el.tagName.toLowerCase();
    if (el.id && plain(el.id)) return '#' + el.id;
    if (el.dataset && el.dataset.testid) return `${tag}[data-testid=${q(el.dataset.testid)}]`;
    if (el.name && tag === 'button' && el.value) return `button[name=${q(el.name)}][value=${q(el.value)}]`;
    if (el.name && tag !== 'button') return `${tag}[name=${q(el.name)}]` + (el.type === 'radio' ? `[value=${q(el.value)}]` : '');
    if (tag === 'input' && (el.type === 'submit' || el.type === 'button')) return `input[value=${q(el.value)}]`;
    const said = words(el);
    return said ? `${tag}:has-text(${q(said)})` : el.type ? `${tag}[type=${q(el.type)}]` : tag;
  };
  const label = el => (el.labels && el.labels[0] && el.labels[0].innerText) || el.getAttribute('aria-label') || el.placeholder || el.name || '';
  const say = (kind, el, value) => window.smartlaunchSaw({
    kind, selector: selector(el), type: el.type || '', tag: el.tagName.toLowerCase(), label: String(label(el)).slice(0, 80),
    autocomplete: el.autocomplete || '', value: String(value || ''), said: words(el), url: location.href, title: document.title,
  });
  const field = el => el.matches && el.matches('input:not([type=submit]):not([type=button]):not([type=image]):not([type=checkbox]):not([type=radio]), textarea');
  const told = event => {
    const el = event.composedPath()[0];
    if (!(el instanceof Element)) return;
    if (el.tagName === 'SELECT') say('select', el, el.value);
    else if (field(el)) say('fill', el, el.value);
  };
  addEventListener('input', told, true);
  addEventListener('change', told, true);
  addEventListener('keydown', event => {
    const el = event.composedPath()[0];
    if (event.key === 'Enter' && field(el)) say('enter', el, '');
  }, true);
  addEventListener('click', event => {
    const path = event.composedPath().filter(el => el instanceof Element);
    const hit = path.find(el => el.matches('button, a[href], input[type=submit], input[type=button], input[type=image], input[type=radio], input[type=checkbox], [role=button], [role=option], [role=row], label, tr, li, option'));
    if (hit && !(hit.tagName === 'LABEL' && hit.control)) say('click', hit, '');
  }, true);
}
