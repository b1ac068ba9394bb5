// Sets, ticks, chooses or presses elements of the last snapshot in order; false when one is gone.
(todo) => {
  const known = window[Symbol.for('smartlaunch.controls')] || [];
  for (const [ref, what, value] of todo) {
    const el = known[ref];
    if (!el || !el.isConnected) return false;
    const fire = (...names) => names.forEach(n => el.dispatchEvent(new Event(n, {bubbles: true, composed: true})));
    if (what === 'check') {
      const now = el.checked !== undefined ? el.checked : el.getAttribute('aria-checked') === 'true';
      if (now !== value) el.click();
    } else if (what === 'click') {
      el.click();
    } else if (what === 'select') {
      Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value').set.call(el, value);
      fire('input', 'change');
    } else {
      const proto = el.tagName === 'TEXTAREA' ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
      el.focus();
      Object.getOwnPropertyDescriptor(proto, 'value').set.call(el, value);
      fire('input', 'change');
      el.blur();
    }
  }
  return true;
}
