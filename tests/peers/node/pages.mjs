// The pages that people see: ordinary forms, without scripts.

const STYLE = 'body{font:16px/1.5 Georgia,serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color:#223}label{display:block;margin:.6rem 0}input[type=text],input[type=password]{display:block;width:100%;padding:.4rem}button{font:inherit;padding:.4rem 1rem;margin:.5rem .5rem .5rem 0}.wrong{color:#a11}';
const safe = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${safe(title)}</title><style>${STYLE}</style></head><body><h1>${safe(title)}</h1>${body}</body></html>`;
const fullName = (patient) => `${patient.name[0].given[0]} ${patient.name[0].family}`;

export const loginPage = (wrong) => page('Sign in to Grove Clinic', `${wrong ? `<p class="wrong" role="alert">${safe(wrong)}</p>` : ''}
<form method="post"><label>User name <input type="text" name="username" autocomplete="username" required></label>
<label>Password <input type="password" name="password" autocomplete="current-password" required></label><button type="submit">Sign in</button></form>`);

export const patientPage = (patients) => page('Whose record?', `<form method="post"><fieldset><legend>Choose a patient</legend>${patients.map((patient) =>
  `<label><input type="radio" name="patient" value="${safe(patient.id)}" required> ${safe(fullName(patient))}, born ${safe(patient.birthDate)}</label>`).join('')}</fieldset><button type="submit">Continue</button></form>`);

export const consentPage = (app, scopes) => page(`Let ${app} in?`, `<form method="post"><p>The app asks for:</p>${scopes.map((scope) =>
  `<label><input type="checkbox" name="scope" value="${safe(scope)}" checked> ${safe(scope)}</label>`).join('')}
<button type="submit" name="decision" value="allow">Allow</button><button type="submit" name="decision" value="deny">Deny</button></form>`);

export const patientsPage = (user, patients) => page('Patients of Grove Clinic', `<p>Signed in as ${safe(user.username)}.</p><ul>${patients.map((patient) =>
  `<li><a href="/chart/${encodeURIComponent(patient.id)}">${safe(fullName(patient))}</a></li>`).join('')}</ul>`);

export const chartPage = (patient, apps) => page(`Chart of ${fullName(patient)}`, `<p>Born ${safe(patient.birthDate)}, ${safe(patient.gender)}.</p><h2>Apps</h2>${apps.map((app) =>
  `<form method="post"><button type="submit" name="app" value="${safe(app.client_id)}">Launch ${safe(app.name)}</button></form>`).join('')}`);

export const logoutPage = (form) => page('Sign out?', `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`);

export const loggedOutPage = () => page('Signed out', '<p>You are signed out of Grove Clinic.</p>');

export const errorPage = (out) => page('This did not work', `<p><strong>${safe(out.error)}</strong></p><p>${safe(out.error_description ?? '')}</p>`);
