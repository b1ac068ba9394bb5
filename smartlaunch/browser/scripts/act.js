// Sets, ticks, chooses or presses an element of the last snapshot; false when it is gone.
([ref, what, value]) => {
  const el = (window[Symbol.for('smartlaunch.controls')] || [])[ref];
  if (!el || !el.isConnected) return false;
  const fire = (...names) => names.forEach(n => el.dispatchEvent(new Event(n, {bubbles: true, composed: true})));
  if (what === 'check') {
    const now = el.checked !== undefined ? el.checked : el.getAttribute('aria-checked') === 'true';
    if (now !== value) el.click();
    return true;
  }
  if (what === 'click') { el.click(); return true; }
  if (what === 'select') {
    Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(el, value);
    fire('input', 'change');
    return true;
  }
  el.focus();
  const proto = el.tagName === 'TEXTAREA' ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
  Object.getOwnPropertyDescriptor(proto, 'value').set.call(el, value);
  fire('input', 'change', 'blur');
  return true;
}
