"use strict";
// Goes on without the person after a moment.
setTimeout(() => document.getElementById("onward").submit(), 400);
