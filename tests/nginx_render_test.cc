// Golden texts: tests/golden/nginx/*.txt hold what is wanted and the configuration that comes of
// it. To accept what is made now, run with GOLDEN_UPDATE=1.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "providers/nginx/render.h"
#include "tests/nginx_scene.h"

namespace fairlead::nginx {
namespace {

using testing::certificate;
using testing::platform_of;
using testing::Scene;
using testing::words_of;

const std::filesystem::path golden = FAIRLEAD_SOURCE_DIR "/tests/golden/nginx";

using Sections = std::map<std::string, std::string>;

Sections read_sections(const std::filesystem::path& path) {
  Sections sections;
  std::string name;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("--- ", 0) == 0) {
      name = line.substr(4);
      sections[name];
    } else {
      sections[name] += line + "\n";
    }
  }
  return sections;
}

void write_sections(const std::filesystem::path& path, Sections sections) {
  std::ofstream file(path);
  for (const char* name : {"platform", "manifest", "secrets", "certificates", "backends", "sites",
                           "version", "text"}) {
    if (sections.count(name) > 0) file << "--- " << name << "\n" << sections[name];
  }
}

std::set<std::filesystem::path> golden_files() {
  const std::filesystem::directory_iterator all(golden);
  return {begin(all), end(all)};
}

// "1.25.1"; 1.22.1 where nothing is said.
Version version_of(const std::string& text) {
  Version version{1, 22, 1};
  std::sscanf(text.c_str(), "%d.%d.%d", &version.major, &version.minor, &version.patch);
  return version;
}

Site site_of(Sections sections) {
  Scene scene(sections["manifest"], sections["platform"]);
  if (!sections["secrets"].empty()) scene.secrets["htpasswd"] = Secret(sections["secrets"]);
  SiteSpec spec = scene.spec();
  for (const std::string& host : words_of(sections["certificates"])) {
    spec.certificates[host] = certificate(content_id(host));
  }
  return render_site(spec, words_of(sections["backends"]), certificate("5e1f"), scene.platform,
                     version_of(sections["version"]));
}

// Lines "APP ID ADDRESS…".
Index index_of(const std::string& text) {
  Index index;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto words = words_of(line);
    index[words.at(0)] = {words.at(1), {words.begin() + 2, words.end()}};
  }
  return index;
}

std::string text_of(Sections sections) {
  if (sections.count("manifest") > 0) return site_of(sections).text;
  return render_generation(platform_of(sections["platform"]), index_of(sections["sites"]), "0a1b",
                           version_of(sections["version"]));
}

const std::string both_hosts =
    "name: blog\nimage: a\nexpose:\n- {port: 80, domains: [a.org, b.org]}\n"
    "- {port: 80, path: /x, domains: [b.org]}\n";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++found;
  return found;
}

}  // namespace

TEST_CASE("golden texts of nginx: each site and generation is exactly the text beside it") {
  const auto files = golden_files();
  CHECK(files.size() >= 9);
  for (const auto& path : files) {
    CAPTURE(path.filename().string());
    Sections held = read_sections(path);
    const std::string text = text_of(held);
    if (std::getenv("GOLDEN_UPDATE") != nullptr) {
      held["text"] = text;
      write_sections(path, held);
    }
    CHECK(text == held["text"]);
  }
}

TEST_CASE("every golden site passes the check that it will be written through") {
  int sites = 0;
  for (const auto& path : golden_files()) {
    const Sections held = read_sections(path);
    if (held.count("manifest") == 0) continue;
    CAPTURE(path.filename().string());
    const Result<void> checked = check_rendered(site_of(held).text);
    CHECK_MESSAGE(checked.ok(), (checked ? "" : checked.error().message));
    ++sites;
  }
  CHECK(sites >= 6);
}

TEST_CASE("the order of routes, hosts, ranges and backends does not matter") {
  Scene scene(
      "name: blog\nimage: a\nexpose:\n"
      "- {port: 80, domains: [b.org, a.org], allow: [10.0.0.2, 10.0.0.1]}\n"
      "- {port: 81, domains: [c.org], path: /x}\n");
  SiteSpec spec = scene.spec();
  const auto text = [&](const std::vector<std::string>& backends) {
    return render_site(spec, backends, certificate("5e1f"), scene.platform, {}).text;
  };
  const std::string once = text({"10.1.0.2", "10.1.0.1"});
  std::reverse(spec.routes.begin(), spec.routes.end());
  for (Route& route : spec.routes) {
    std::reverse(route.hosts.begin(), route.hosts.end());
    std::reverse(route.expose.allow.begin(), route.expose.allow.end());
  }
  CHECK(text({"10.1.0.1", "10.1.0.2", "10.1.0.1"}) == once);
}

TEST_CASE("a site brings the certificates and passwords that its text names") {
  Scene scene("name: blog\nimage: a\nexpose: [{port: 80, domains: [a.org, b.org], auth: p}]\n");
  scene.secrets["p"] = Secret("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
  SiteSpec spec = scene.spec();
  spec.certificates["a.org"] = certificate("f11e");
  const Site site = render_site(spec, {"10.1.0.1"}, certificate("5e1f"), scene.platform, {});
  const std::string passwords = "passwords/" + content_id(scene.secrets["p"].reveal());
  CHECK(site.files ==
        std::map<std::string, Secret>{{"certificates/f11e.pem", Secret("pem of f11e")},
                                      {"certificates/5e1f.pem", Secret("pem of 5e1f")},
                                      {passwords, scene.secrets["p"]}});
  for (const auto& [path, content] : site.files) {
    CHECK(site.text.find(" " + path + ";") != site.text.npos);
    CHECK(site.text.find(content.reveal()) == site.text.npos);
  }
}

TEST_CASE("without any certificate a host is served over HTTP alone") {
  const Scene scene(both_hosts);
  const Site site = render_site(scene.spec(), {"10.1.0.1"}, nullptr, scene.platform, {});
  CHECK(count(site.text, "listen 80;") == 2);
  CHECK(count(site.text, "ssl") == 0);
  CHECK(site.files.empty());
}

TEST_CASE("hosts that are served alike stand in one server, others do not") {
  const Scene scene(
      "name: blog\nimage: a\nexpose:\n- {port: 80, domains: [a.org, b.org, c.org, d.org]}\n"
      "- {port: 80, path: /x, domains: [d.org]}\n");
  SiteSpec spec = scene.spec();
  spec.certificates["c.org"] = certificate("f11e");
  const std::string text =
      render_site(spec, {"10.1.0.1"}, certificate("5e1f"), scene.platform, {}).text;
  CHECK(count(text, "listen 80;") == 3);
  CHECK(count(text, "  server_name a.org;\n  server_name b.org;\n  location") == 1);
  CHECK(count(text, "  server_name a.org;\n  server_name b.org;\n  ssl_certificate ") == 1);
  CHECK(count(text, "  server_name c.org;\n  ssl_certificate certificates/f11e.pem;") == 1);
  CHECK(count(text, "server_name d.org;") == 2);
}

TEST_CASE("larger headers of answers have buffers that nginx takes") {
  const auto text = [](const std::string& more) {
    const Scene scene("name: blog\nimage: a\nexpose: [{port: 80" + more + "}]\n");
    return render_site(scene.spec(), {"10.1.0.1"}, nullptr, scene.platform, {}).text;
  };
  CHECK(count(text(""), "buffer") == 0);
  CHECK(count(text(", header_limit: 32K"), "proxy_buffer_size 32768;") == 1);
  CHECK(count(text(", header_limit: 32K"), "proxy_buffers") == 0);
  const std::string large = text(", header_limit: 128K");
  CHECK(count(large, "proxy_buffer_size 131072;") == 1);
  CHECK(count(large, "large_client_header_buffers 4 16k;") == 1);
  CHECK(count(text(", header_limit: 16K"), "large_client_header_buffers") == 0);
  CHECK(count(large, "proxy_buffers 11 16k;") == 1);
  CHECK(count(large, "proxy_busy_buffers_size 131072;") == 1);
}

TEST_CASE("what timed out is not done once more by another replica") {
  const auto text = [](const std::string& timeout) {
    const Scene scene("name: blog\nimage: a\nexpose: [{port: 80, timeout: " + timeout + "}]\n");
    return render_site(scene.spec(), {"10.1.0.1"}, nullptr, scene.platform, {}).text;
  };
  CHECK(count(text("3s"), "proxy_next_upstream_timeout 3000ms;") == 1);
  CHECK(count(text("10s"), "next_upstream") == 0);
}

TEST_CASE("headers with _ are passed on, without those that pass for the edge's own") {
  const std::string open = render_generation(Platform(), {}, "1", {});
  CHECK(count(open, "underscores_in_headers on;") == 1);
  for (const std::string twin :
       {"X_Forwarded_For", "X-Forwarded_For", "X_Forwarded-For", "X_Real_IP", "Content_Length"}) {
    CHECK(count(open, "proxy_set_header " + twin + " \"\";") == 1);
    CHECK(count(open, "grpc_set_header " + twin + " \"\";") == 1);
  }
  CHECK(count(open, "proxy_set_header X-Forwarded-For ") == 1);
  // A trusted proxy's word could not be told from the visitor's.
  const Platform behind = testing::platform_of("edge: {trusted_proxies: [10.0.0.7]}\n");
  CHECK(count(render_generation(behind, {}, "1", {}), "underscores_in_headers") == 0);
}

// The directives of the first location, in order.
std::vector<std::string> rules(const std::string& allow, const std::string& platform = "") {
  const Scene scene("name: blog\nimage: a\nexpose: [{port: 80, allow: " + allow + "}]\n", platform);
  std::istringstream text(
      render_site(scene.spec(), {"10.1.0.1"}, nullptr, scene.platform, {}).text);
  std::vector<std::string> found;
  for (std::string line; std::getline(text, line);) {
    const std::size_t at = std::min(line.find("allow "), line.find("deny "));
    if (at != line.npos) found.push_back(line.substr(at));
  }
  return found;
}

using Rules = std::vector<std::string>;

TEST_CASE("class A9: a range that holds the apps' pool or this host does not mean them") {
  const Rules own = {"deny 10.213.0.0/16;", "deny 127.0.0.0/8;", "deny ::1;"};
  const auto with = [&](Rules before, const Rules& after) {
    before.insert(before.end(), own.begin(), own.end());
    before.insert(before.end(), after.begin(), after.end());
    before.emplace_back("deny all;");
    return before;
  };
  CHECK(rules("[10.0.0.0/8]") == with({}, {"allow 10.0.0.0/8;"}));
  CHECK(rules("[0.0.0.0/0, \"::/0\"]") == with({}, {"allow 0.0.0.0/0;", "allow ::/0;"}));
  CHECK(rules("[10.213.0.0/16]") == with({"allow 10.213.0.0/16;"}, {}));
  CHECK(rules("[10.213.4.65, 192.0.2.7]") == with({"allow 10.213.4.65;"}, {"allow 192.0.2.7;"}));
  CHECK(rules("[127.0.0.1, \"::1\"]") == with({"allow 127.0.0.1;", "allow ::1;"}, {}));
  CHECK(rules("[10.9.0.0/16]", "network: {pool: 10.9.0.0/17}\n") ==
        Rules{"deny 10.9.0.0/17;", "deny 127.0.0.0/8;", "deny ::1;", "allow 10.9.0.0/16;",
              "deny all;"});
  CHECK(rules("[]").empty());
}

TEST_CASE("class A10: the status port answers who asks by a gateway, and none of the apps") {
  const std::string managed = render_generation(Platform(), {}, "1", {});
  const std::size_t server = managed.find("    listen 8404;");
  REQUIRE(server != managed.npos);
  const std::string refusal = "    if ($fairlead_asker = \"\") {\n      return 403;";
  CHECK(managed.find(refusal, server) != managed.npos);
  CHECK(managed.find("~^[0-9.]+\\.(1|65|129|193)$\" host;") != managed.npos);
  const Platform on_host = testing::platform_of("edge: {mode: host}\n");
  const std::string host = render_generation(on_host, {}, "1", {});
  CHECK(count(host, "listen 127.0.0.1:8404;") == 1);
  CHECK(count(host, "fairlead_asker") == 0);
}

TEST_CASE("class A8: unfinished headers and one address take a part of the edge, not all of it") {
  const Scene scene(both_hosts);
  const auto text = [&](const std::string& edge) {
    const Platform platform = testing::platform_of(edge);
    return render_generation(platform, {}, "1", {}) +
           render_site(scene.spec(), {"10.1.0.1"}, nullptr, platform, {}).text;
  };
  const std::string usual = text("");
  CHECK(count(usual, "client_header_timeout 10s;") == 1);
  CHECK(count(usual, "large_client_header_buffers 2 8k;") == 1);
  CHECK(count(usual, "limit_conn fairlead_one 100;") == 1);
  CHECK(count(usual, "limit_conn fairlead_many 1000;") == 1);
  CHECK(count(usual, "error_page 429 = @busy;") == 2);
  CHECK(count(text("edge: {connections_per_address: 7}\n"), "limit_conn fairlead_one 7;") == 1);
  const std::string behind = text("edge: {trusted_proxies: [10.0.0.7]}\n");
  CHECK(count(behind, "    10.0.0.7 proxy;") == 1);
  CHECK(count(behind, "    ~^proxy: none;") == 1);
  const std::string none = text("edge: {connections_per_address: 0}\n");
  CHECK(count(none, "limit_conn") == 0);
  CHECK(count(none, "@busy") == 0);
}

TEST_CASE("no two locations of a server are the same") {
  const Scene scene(
      "name: blog\nimage: a\nexpose:\n- {port: 80, path: /a/}\n- {port: 81, path: /a}\n"
      "- {port: 82, path: /a, domains: [blog.localhost]}\n");
  const Site site = render_site(scene.spec(), {"10.1.0.1"}, nullptr, scene.platform, {});
  CHECK(count(site.text, "location = /a {") == 1);
  CHECK(count(site.text, "proxy_pass http://blog.http.80;") == 2);
  CHECK(count(site.text, "proxy_pass") == 2);
}

TEST_CASE("directives follow the version of nginx") {
  const Scene scene(both_hosts);
  const auto text = [&](Version version) {
    return render_site(scene.spec(), {"10.1.0.1"}, certificate("5e1f"), scene.platform, version)
               .text +
           render_generation(scene.platform, {}, "1", version);
  };
  const std::string before = text({1, 25, 0});
  CHECK(count(before, "listen 443 ssl http2") == 3);
  CHECK(count(before, "http2 on") == 0);
  const std::string after = text({1, 25, 1});
  CHECK(count(after, "listen 443 ssl http2") == 0);
  CHECK(count(after, "http2 on;") == 3);
  CHECK(count(text({0, 0, 0}), "http2") == 0);
  CHECK(count(text({1, 27, 3}), "keepalive_min_timeout") == 0);
  CHECK(count(text({1, 27, 4}), "keepalive_min_timeout") == 1);
}

TEST_CASE("a generation tells its sites, and nothing else is taken for one") {
  const Index index = {{"blog", {"3f9c", {"10.1.0.1", "fd00::1"}}}, {"shop", {"00", {}}}};
  const std::string text = render_generation(Platform(), index, "1", {});
  CHECK(parse_index(text) == index);
  CHECK(parse_index("").empty());
  for (const std::string line :
       {"  include sites/Blog.3f9c.conf;  # 10.1.0.1", "  include sites/blog..conf;  #",
        "  include sites/blog.xyz.conf;  #", "  include sites/blog.3f9c.conf;  # localhost",
        " include sites/blog.3f9c.conf;  #", "  include sites/blog.3f9c.conf; #",
        "  include sites/../x.3f9c.conf;  #", "  # include sites/blog.3f9c.conf;  #"}) {
    CAPTURE(line);
    CHECK(parse_index(line + "\n").empty());
  }
  CHECK(parse_index("  include sites/blog.3f9c.conf;  #").size() == 1);
}

TEST_CASE("equal content has one name, other content another") {
  CHECK(content_id("") == "e3b0c44298fc1c149afbf4c8996fb924");
  CHECK(content_id("a") != content_id("b"));
}

}  // namespace fairlead::nginx
