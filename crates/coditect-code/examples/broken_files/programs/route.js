const METHODS = ['GET', 'POST', 'DELETE'];

/** Splits a path into its parts. */
function split(path) {
  return path.split('/').filter((part) => part !== '');
}

function matches(pattern, path) {
  const wanted = split(pattern);
  const given = split(path);
  const found = {};
  if (wanted.length !== given.length) {
    return null;
  }
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(':')) {
      found[part.slice(1)] = decodeURIComponent(given[index]);
    } else if (part !== given[index]) {
      return null;
    }
  }
  return found;
}

function router() {
  const routes = [];
  const self = {
    on(method, pattern, handler) {
      if (!METHODS.includes(method)) {
        throw new Error("unknown method: " + method);
      }
      routes.push({ method: method, pattern: pattern, handler: handler });
      return self;
    },
    handle(method, url) {
      const [path, query = ''] = url.split('?');
      let allowed = [];
      for (const route of routes) {
        const params = matches(route.pattern, path);
        if (params === null) {
          continue;
        }
        if (route.method === method) {
          return { status: 200, body: route.handler({ ...params, ...parameters(query) }) };
        }
        allowed.push(route.method);
      }
      return allowed.length > 0 ? { status: 405, body: allowed.join(', ') } : { status: 404, body: '' };
    },
  };
  return self;
}

function parameters(query) {
  const found = {};
  if (!query) {
    return found;
  }
  query.split('&').forEach(function (pair) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.substring(0, at);
    const value = at < 0 ? true : pair.substring(at + 1).replace(/\+/g, ' ');
    if (name in found) {
      found[name] = [].concat(found[name], value);
    } else {
      found[name] = value;
    }
  });
  return found;
}

function retry(times, action) {
  let last;
  do {
    try {
      return action(times);
    } catch (error) {
      last = error;
    }
    times -= 1;
  } while (times > 0);
  throw last;
}

module.exports = { matches, router, parameters, retry };
