#include <doctest/doctest.h>

#include <functional>

#include "tests/nginx_scene.h"

namespace fairlead::nginx {
namespace {

using testing::certificate;
using testing::Scene;

// What a host, a path or an address may try to bring in.
const std::vector<std::string> nasty = {
    "a.org;",
    "a.org; root /etc",
    "a.org;}",
    "a.org}",
    "{",
    "a.org { return 200",
    "a.org\nreturn 200",
    "a.org\rb",
    "a.org\tb",
    "a.org b.org",
    "$host",
    "a${host}",
    "'a.org'",
    "\"a.org\"",
    "a\"",
    "a\\",
    "\\;",
    "#",
    "a.org #",
    std::string("a\0b", 3),
    std::string("\0", 1),
    std::string(1 << 20, 'a'),
    "\xc3\xa4.org",
    "\xff",
    "{{upstream}}",
    "a{{b",
    "~^(?<x>.*)$",
    "a|b",
    "a,b",
    "a`id`",
    "a(b",
    "a%00b",
    "",
    " ",
    "\x7f",
    "include /etc/passwd",
    "../../etc/passwd",
    "*.*.org",
    "A.org",
    "-a.org",
    "_",
};

SiteSpec good_spec() {
  Scene scene(
      "name: blog\nimage: a\nexpose:\n"
      "- {port: 80, domains: [a.org], path: /x, auth: p, allow: [10.0.0.1]}\n");
  scene.secrets["p"] = Secret("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
  return scene.spec();
}

std::string rendered(const SiteSpec& spec, const std::string& backend = "10.1.0.1",
                     const Platform& platform = {}, const std::string& id = "5e1f") {
  return render_site(spec, {backend}, certificate(id), platform, {}).text;
}

using Change = std::function<std::string(const std::string&)>;

const std::vector<std::pair<std::string, Change>> ways_in = {
    {"host",
     [](const std::string& value) {
       SiteSpec spec = good_spec();
       spec.routes[0].hosts = {value};
       return rendered(spec);
     }},
    {"second host",
     [](const std::string& value) {
       SiteSpec spec = good_spec();
       spec.routes[0].hosts.push_back(value);
       return rendered(spec);
     }},
    {"path",
     [](const std::string& value) {
       SiteSpec spec = good_spec();
       spec.routes[0].expose.path = "/" + value + "/y";
       return rendered(spec);
     }},
    {"range",
     [](const std::string& value) {
       SiteSpec spec = good_spec();
       spec.routes[0].expose.allow = {value};
       return rendered(spec);
     }},
    {"app",
     [](const std::string& value) {
       SiteSpec spec = good_spec();
       spec.app = value;
       return rendered(spec);
     }},
    {"address", [](const std::string& value) { return rendered(good_spec(), value); }},
    {"certificate",
     [](const std::string& value) { return rendered(good_spec(), "10.1.0.1", {}, value); }},
    {"folder",
     [](const std::string& value) {
       Platform platform;
       platform.edge.mode = Platform::Edge::Mode::host;
       platform.folders.edge = "/srv/" + value;
       return rendered(good_spec(), "10.1.0.1", platform);
     }},
    {"edge address",
     [](const std::string& value) {
       Platform platform;
       platform.edge.mode = Platform::Edge::Mode::host;
       platform.edge.address = value;
       return rendered(good_spec(), "10.1.0.1", platform);
     }},
};

// Of a path, a name of a folder or an id these are as good as any other.
bool harmless(const std::string& where, const std::string& value) {
  const bool path = where == "path" || where == "folder";
  if (path) return value == "A.org" || value == "-a.org" || value == "_" || value.size() > 1000;
  return false;
}

// Whole, and with `line` in place of the first line that begins with `begin`.
std::string replaced(std::string text, const std::string& begin, const std::string& line) {
  const std::size_t at = text.find(begin);
  REQUIRE(at != text.npos);
  return text.replace(at, text.find('\n', at) - at, line);
}

}  // namespace

TEST_CASE("nothing that a value brings in gets through the check of the rendered site") {
  REQUIRE(check_rendered(rendered(good_spec())).ok());
  for (const auto& [where, change] : ways_in) {
    for (const std::string& value : nasty) {
      if (harmless(where, value)) continue;
      CAPTURE(where);
      CAPTURE(value.substr(0, 40));
      const Result<void> checked = check_rendered(change(value));
      REQUIRE_FALSE(checked.ok());
      CHECK(checked.error().code == Code::denied);
    }
  }
}

TEST_CASE("directives that no site has are refused, wherever they stand") {
  const std::string good = rendered(good_spec());
  for (const std::string line : {"root /etc;",
                                 "include /etc/passwd;",
                                 "load_module /x.so;",
                                 "proxy_pass http://10.0.0.1;",
                                 "proxy_pass http://blog.http.80/x;",
                                 "proxy_pass http://unix:/run/docker.sock;",
                                 "alias /etc;",
                                 "return 200 x;",
                                 "return 503 $request_uri;",
                                 "add_header X-Y z always;",
                                 "auth_basic off;",
                                 "auth_basic_user_file /etc/passwd;",
                                 "ssl_certificate /etc/x.pem;",
                                 "ssl_certificate_key engine:x:y;",
                                 "allow all;",
                                 "client_max_body_size 1m;",
                                 "error_log /etc/x;",
                                 "access_log /etc/x;",
                                 "perl x;",
                                 "js_content x;",
                                 "set $x y;",
                                 "rewrite a b;",
                                 "resolver 10.0.0.1;",
                                 "proxy_set_header Host x;",
                                 "listen unix:/x;",
                                 "server_name _;",
                                 "server_name a.org b.org;",
                                 "location ~ x {}",
                                 "if ($x) {}",
                                 "}",
                                 "{",
                                 "server {}",
                                 "upstream x {}",
                                 "\"gzip\" off;",
                                 "gzip off",
                                 "# gzip off;",
                                 "gz\\ip off;"}) {
    for (const std::string begin : {"upstream blog", "keepalive 32", "server {", "listen 80",
                                    "server_name", "root ", "allow", "proxy_pass"}) {
      CAPTURE(line);
      CAPTURE(begin);
      const bool at_top = begin == "server {" || begin == "upstream blog";
      if (line == "server {}" && at_top) continue;
      CHECK_FALSE(check_rendered(replaced(good, begin, line + "\n" + begin)).ok());
    }
  }
}

TEST_CASE("requests are passed to the upstreams of the same site alone") {
  const std::string good = rendered(good_spec());
  const std::string line = "proxy_pass http://shop.http.80;";
  CHECK(check_rendered(replaced(good, "proxy_pass", line))
            .error()
            .message.find("lacks the upstream shop.http.80") != std::string::npos);
  CHECK_FALSE(check_rendered(replaced(good, "proxy_pass", "grpc_pass grpc://blog.http.80;")).ok());
  CHECK_FALSE(
      check_rendered(replaced(good, "proxy_pass", "proxy_pass https://blog.http.80;")).ok());
}

TEST_CASE("an unfinished site is refused") {
  const std::string good = rendered(good_spec());
  CHECK(check_rendered("").ok());
  CHECK_FALSE(check_rendered(good.substr(0, good.size() / 2)).ok());
  CHECK_FALSE(check_rendered(good.substr(0, good.size() - 2)).ok());
  CHECK_FALSE(check_rendered(good + "}\n").ok());
  CHECK_FALSE(check_rendered(good + "gzip").ok());
}

}  // namespace fairlead::nginx
