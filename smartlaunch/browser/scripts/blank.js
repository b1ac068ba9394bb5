// Makes the text of password fields, and of any field that holds the password, invisible before a picture is taken; uncover.js puts it back.
(secret) => {
  const undo = [];
  Object.defineProperty(window, Symbol.for('smartlaunch.blanked'), {value: undo, configurable: true, enumerable: false, writable: true});
  const visit = root => root.querySelectorAll('*').forEach(el => {
    if (el.shadowRoot) visit(el.shadowRoot);
    if (el.tagName === 'IFRAME') { try { visit(el.contentDocument); } catch (e) { void e; } }
    if (el.tagName === 'INPUT' && (el.type === 'password' || (secret && el.value === secret)))
      { const before = el.getAttribute('style'); undo.push(() => { el.getAttribute('style'); before === null ? el.removeAttribute('style') : el.setAttribute('style', before); });
        el.style.setProperty('color', 'transparent', 'important'); el.style.setProperty('text-shadow', 'none', 'important');
        el.style.setProperty('-webkit-text-fill-color', 'transparent', 'important'); }
  });
  visit(document);
  return true;
}
