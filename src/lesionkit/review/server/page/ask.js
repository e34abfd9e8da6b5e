// What the page asks of its server. Addresses are relative, so each begins with the token.

export class NotKept extends Error {
  constructor(told) {
    super(told.error);
    this.told = told;
  }
}

async function answered(request) {
  let response;
  try {
    response = await request;
  } catch {
    throw new Error('lesionkit view does not answer; start it again and open the new address');
  }
  const told = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (response.status === 409) throw new NotKept(told);
  if (!response.ok) throw new Error(told.error);
  return told;
}

export const ask = (path) => answered(fetch(path));

// Decisions go one after the other: each names the last row that the page knows.
let last = Promise.resolve();
export function keep(decision) {
  const mine = last.then(() => answered(fetch('api/decide', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(decision()),
  })));
  last = mine.catch(() => {});
  return mine;
}
