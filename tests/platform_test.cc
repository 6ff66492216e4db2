#include "reconciler/platform.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "reconciler/schema.h"
#include "reconciler/units.h"

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

std::string errors_of(const std::string& text) {
  std::string errors;
  for (const Error& error : parse_platform("f.yml", text).errors) errors += error.text() + "\n";
  return errors;
}

const Json& default_of(const char* group, const char* key) {
  return platform_schema().source()["properties"][group]["properties"][key]["default"];
}

Platform full_platform() {
  std::ostringstream text;
  text << std::ifstream(FAIRLEAD_SOURCE_DIR "/tests/golden/manifests/fairlead-good.yml").rdbuf();
  ParsedPlatform parsed = parse_platform("fairlead.yml", text.str());
  REQUIRE(parsed.errors.empty());
  return std::move(parsed.platform);
}

}  // namespace

TEST_CASE("every member of the platform can be said") {
  const Platform platform = full_platform();
  CHECK(platform.domain == "example.org");
  CHECK(platform.folders.manifests == "/srv/manifests");
  CHECK(platform.folders.secrets == "/srv/secrets");
  CHECK(platform.folders.state == "/var/lib/fairlead");
  CHECK(platform.folders.ignore == std::vector<std::string>{"docs/", "*.tpl.yml"});
  CHECK(platform.folders.mounted_secrets == "/run/fairlead/secrets");
  CHECK(platform.folders.edge == "/srv/edge");
  CHECK(platform.folders.certificates == "/srv/certificates");
  CHECK(platform.socket == "/run/fairlead/fairlead.sock");
  CHECK(platform.engine.host == "tcp://docker.example.org:2376");
  CHECK(platform.engine.certificates == "/etc/fairlead/tls");
  CHECK(platform.engine.concurrency == 8);
  CHECK(platform.engine.resync == 60s);
  CHECK(platform.network.pool == "172.20.0.0/14");
  CHECK(platform.defaults.memory == std::int64_t{2} << 30);
  CHECK(platform.defaults.pids == 0);
  CHECK(platform.defaults.nano_cpus == 1'500'000'000);
  Platform::Service database;
  database.external = database.tls = true;
  database.host = "db.example.org";
  database.port = 3307;
  database.user = "admin";
  database.password_file = "/etc/fairlead/db";
  database.ca_file = "/etc/fairlead/db.pem";
  CHECK(platform.database == database);
  Platform::Service messagebus;
  messagebus.external = true;
  messagebus.host = "fd00::5";
  messagebus.port = 5671;
  messagebus.management_port = 15671;
  messagebus.user = "boss";
  messagebus.password_file = "/etc/fairlead/mq";
  CHECK(platform.messagebus == messagebus);
  const Platform::Edge& edge = platform.edge;
  CHECK(edge.mode == Platform::Edge::Mode::host);
  CHECK(edge.address == "::");
  CHECK(edge.http_port == 8080);
  CHECK(edge.https_port == 8443);
  CHECK(edge.status_port == 9404);
  CHECK(edge.trusted_proxies == std::vector<std::string>{"10.0.0.7", "fd00::/8"});
  CHECK(edge.shutdown_timeout == 10min);
  REQUIRE(edge.tenants.size() == 2);
  CHECK(edge.tenants[0].folder == "team-a");
  CHECK(edge.tenants[0].domains == std::vector<std::string>{"a.example.org", "*.a.example.org"});
  CHECK(edge.tenants[1].folder == "teams/b");
  CHECK(edge.test == std::vector<std::string>{"/usr/sbin/nginx", "-t", "-c", "{config}"});
  CHECK(edge.reload == std::vector<std::string>{"systemctl", "reload", "nginx"});
  CHECK(edge.acme.email == "ops@example.org");
  CHECK(edge.acme.directory == "https://ca.example.org:14000/dir");
  CHECK(edge.acme.ca_file == "/srv/ca.pem");
  CHECK(edge.acme.dns == "cloudflare");
  CHECK(edge.acme.dns_env_file == "/srv/dns.env");
  CHECK(edge.acme.orders_per_week == 5);
  CHECK(platform.mount_roots == std::vector<std::string>{"/srv/media", "/srv/www"});
  REQUIRE(platform.registries.size() == 2);
  CHECK(platform.registries.at("ghcr.io").user == "acme");
  CHECK(platform.registries.at("127.0.0.1:5000").password_file == "/etc/fairlead/local");
  CHECK(platform.prune.fuse_apps == 5);
  CHECK(platform.prune.fuse_percent == 50);
  CHECK(platform.prune.grace == 30s);
  CHECK(platform.log.format == "json");
  CHECK(platform.log.container_bytes == 20 << 20);
  CHECK(platform.log.container_files == 5);
}

TEST_CASE("an empty file says nothing and everything has its default") {
  for (const char* text : {"", "# nothing\n", "---\n", "{}"}) {
    CAPTURE(text);
    const ParsedPlatform parsed = parse_platform("f.yml", text);
    CHECK(parsed.errors.empty());
    CHECK(parsed.platform.engine.host == "unix:///var/run/docker.sock");
    CHECK(parsed.platform.registries.empty());
  }
}

TEST_CASE("the defaults that the schema tells are those that hold") {
  const Platform platform;
  const Json& properties = platform_schema().source()["properties"];
  CHECK(properties["domain"]["default"] == Json(platform.domain));
  CHECK(properties["socket"]["default"] == Json(platform.socket));
  CHECK(default_of("folders", "manifests") == Json(platform.folders.manifests));
  CHECK(default_of("folders", "secrets") == Json(platform.folders.secrets));
  CHECK(default_of("folders", "state") == Json(platform.folders.state));
  CHECK(default_of("folders", "mounted_secrets") == Json(platform.folders.mounted_secrets));
  CHECK(default_of("engine", "host") == Json(platform.engine.host));
  CHECK(default_of("engine", "concurrency") == Json(platform.engine.concurrency));
  CHECK(default_of("engine", "resync") == Json(format_duration(platform.engine.resync)));
  CHECK(default_of("network", "pool") == Json(platform.network.pool));
  CHECK(default_of("database", "port") == Json(platform.database.port));
  CHECK(default_of("messagebus", "port") == Json(platform.messagebus.port));
  CHECK(default_of("messagebus", "management_port") == Json(platform.messagebus.management_port));
  CHECK(default_of("folders", "edge") == Json(platform.folders.edge));
  CHECK(default_of("folders", "certificates") == Json(platform.folders.certificates));
  CHECK(default_of("edge", "mode") == Json("managed"));
  CHECK(platform.edge.mode == Platform::Edge::Mode::managed);
  CHECK(default_of("edge", "address") == Json(platform.edge.address));
  CHECK(default_of("edge", "http_port") == Json(platform.edge.http_port));
  CHECK(default_of("edge", "https_port") == Json(platform.edge.https_port));
  CHECK(default_of("edge", "status_port") == Json(platform.edge.status_port));
  CHECK(default_of("edge", "test") == Json(platform.edge.test));
  CHECK(default_of("edge", "reload") == Json(platform.edge.reload));
  CHECK(default_of("edge", "shutdown_timeout") ==
        Json(format_duration(platform.edge.shutdown_timeout)));
  CHECK(platform_schema().source()["definitions"]["acme"]["properties"]["orders_per_week"]
                                  ["default"] == Json(platform.edge.acme.orders_per_week));
  CHECK(default_of("prune", "fuse_apps") == Json(platform.prune.fuse_apps));
  CHECK(default_of("prune", "fuse_percent") == Json(platform.prune.fuse_percent));
  CHECK(default_of("prune", "grace") == Json(format_duration(platform.prune.grace)));
  CHECK(default_of("log", "format") == Json(platform.log.format));
  CHECK(default_of("log", "container_size") == Json(format_bytes(platform.log.container_bytes)));
  CHECK(default_of("log", "container_files") == Json(platform.log.container_files));
}

TEST_CASE("an address pool is a whole IPv4 range from /8 to /24") {
  for (const char* pool : {"10.0.0.0/8", "10.213.0.0/16", "192.168.7.0/24", "172.20.0.0/14"}) {
    CAPTURE(pool);
    CHECK(errors_of(std::string("network: {pool: ") + pool + "}") == "");
  }
  for (const char* pool :
       {"10.0.0.0/7", "10.0.0.0/25", "10.0.0.0", "10.0.0.1/8", "10.0.0/8", "256.0.0.0/8",
        "fd00::/16", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/016", "010.0.0.0/8"}) {
    CAPTURE(pool);
    CHECK(errors_of(std::string("network: {pool: \"") + pool + "\"}") != "");
  }
}

TEST_CASE("an engine is a socket or a TCP address") {
  for (const char* host : {"unix:///var/run/docker.sock", "tcp://127.0.0.1:2375",
                           "tcp://docker.example.org:2376", "tcp://[::1]:2375"}) {
    CAPTURE(host);
    CHECK(errors_of(std::string("engine: {host: \"") + host + "\"}") == "");
  }
  for (const char* host :
       {"", "unix://relative", "unix://", "tcp://docker", "tcp://:2375", "tcp://docker:0",
        "tcp://docker:99999", "http://docker:80", "tcp://[::1]", "tcp://::1:2375",
        "/var/run/docker.sock", "tcp://a b:1", "tcp://a:1/x"}) {
    CAPTURE(host);
    CHECK(errors_of(std::string("engine: {host: \"") + host + "\"}") != "");
  }
}

TEST_CASE("a service is managed where nothing else is said, and then nothing says where it is") {
  for (const char* text : {"", "database: {}", "database: {mode: managed}", "messagebus: {}"}) {
    CAPTURE(text);
    const ParsedPlatform parsed = parse_platform("f.yml", text);
    CHECK(parsed.errors.empty());
    CHECK(parsed.platform.database == Platform().database);
    CHECK(parsed.platform.messagebus == Platform().messagebus);
  }
  const std::string advice =
      " says where the service is though it is managed: leave it out, or say mode: external\n";
  CHECK(errors_of("database: {host: db, tls: false}") ==
        "f.yml:1:12: database.host:" + advice + "f.yml:1:22: database.tls:" + advice);
  CHECK(errors_of("messagebus: {mode: managed, management_port: 15672}") ==
        "f.yml:1:29: messagebus.management_port:" + advice);
  CHECK(errors_of("database: {mode: elsewhere, host: db}") ==
        "f.yml:1:12: database.mode: must be one of managed or external, got \"elsewhere\"\n");
}

TEST_CASE(
    "an external service has a host, a user and a password file, and authorities only with TLS") {
  CHECK(errors_of("database: {mode: external}") ==
        "f.yml:1:1: database.host: is missing: mode external needs it\n"
        "f.yml:1:1: database.password_file: is missing: mode external needs it\n"
        "f.yml:1:1: database.user: is missing: mode external needs it\n");
  const auto errors_with = [](const std::string& more) {
    return errors_of("database:\n  mode: external\n  user: a\n  password_file: /p\n" + more);
  };
  for (const char* host : {"db", "db.example.org", "10.0.0.7", "\"fd00::7\""}) {
    CAPTURE(host);
    CHECK(errors_with(std::string("  host: ") + host) == "");
  }
  for (const char* host :
       {"\"db:3306\"", "\"[fd00::7]\"", "a b", "\"*.org\"", "10.0.0.7/8", "\"\""}) {
    CAPTURE(host);
    CHECK(errors_with(std::string("  host: ") + host).find("f.yml:5:3: database.host: must be") ==
          0);
  }
  CHECK(errors_with("  host: db\n  ca_file: /ca.pem") ==
        "f.yml:6:3: database.ca_file: is for TLS, which is off: say tls: true\n");
  CHECK(errors_with("  host: db\n  port: 0") ==
        "f.yml:6:3: database.port: must be 1..65535, got 0\n");
  CHECK(errors_with("  host: db\n  management_port: 1") != "");
}

TEST_CASE("a platform file that cannot be read has one clear error") {
  CHECK(errors_of("domain: \"x\n") == "f.yml:1:9: a quote is not closed\n");
  CHECK(errors_of("domain: a.org\n---\ndomain: b.org\n") ==
        "f.yml:2:1: the platform file has one document, got a second one\n");
  CHECK(errors_of("[]") == "f.yml:1:1: must be a map of settings, got a list\n");
}

TEST_CASE("what the edge renders and where it listens is checked") {
  CHECK(errors_of("edge: {mode: none}") == "");
  CHECK(errors_of("edge: {address: 10.0.0.999}") ==
        "f.yml:1:8: edge.address: must be an IP address, got \"10.0.0.999\"\n");
  CHECK(errors_of("edge: {http_port: 81, https_port: 81}") ==
        "f.yml:1:23: edge.https_port: is the http_port, too: each needs its own\n");
  CHECK(errors_of("edge: {mode: host, status_port: 443}") ==
        "f.yml:1:20: edge.status_port: is one of the other two ports, too: each needs its own\n");
  CHECK(errors_of("edge: {http_port: 8080, status_port: 80}") ==
        "f.yml:1:25: edge.status_port: must be neither 80 nor 443, which it has for the apps\n");
  CHECK(errors_of("edge: {http_port: 8080, status_port: 8080}") == "");
  CHECK(errors_of("edge: {trusted_proxies: [10.0.0.1/8]}") ==
        "f.yml:1:26: edge.trusted_proxies[0]: must be an IP address, or a range such as 10.0.0.0/8 "
        "that begins with its first address, got \"10.0.0.1/8\"\n");
  CHECK(errors_of("edge: {shutdown_timeout: 0s}") ==
        "f.yml:1:8: edge.shutdown_timeout: must be 1s..24h, got 0s\n");
  CHECK(errors_of("edge: {reload: [nginx, -s, reload]}") ==
        "f.yml:1:8: edge.reload: is for mode host: leave it out, or say mode: host\n");
  CHECK(errors_of("edge: {mode: host, test: [\"a\\nb\"]}").find("edge.test[0]: must be one line") !=
        std::string::npos);
  CHECK(errors_of("edge: {acme: {dns: cloudflare}}") == "f.yml:1:8: edge.acme.email: is missing\n");
  CHECK(errors_of("edge: {acme: {email: a@b, directory: \"http://ca\"}}") != "");
  CHECK(errors_of("edge: {acme: {email: a@b, dns_env_file: /x}}") ==
        "f.yml:1:27: edge.acme.dns_env_file: is for the plugin that `dns` names, which is not "
        "said\n");
  for (const char* folder : {"/srv/a b", "/srv/$x", "/srv/;", "/srv/\\\"", "/", "/srv/../x"}) {
    CAPTURE(folder);
    CHECK(errors_of(std::string("folders: {edge: \"") + folder + "\"}") != "");
  }
}

TEST_CASE("a tenant has a folder below the manifests, and domains that no other tenant has") {
  const auto errors_with = [](const std::string& items) {
    return errors_of("edge:\n  tenants:\n" + items);
  };
  CHECK(errors_with("  - {folder: ../a, domains: [a.org]}\n") ==
        "f.yml:3:6: edge.tenants[0].folder: must be a path below the manifest folder, without "
        "\"..\", got \"../a\"\n");
  CHECK(errors_with("  - {folder: a, domains: [\"a b\"]}\n").find("must be a host name") !=
        std::string::npos);
  CHECK(errors_with("  - {folder: a, domains: [A.org]}\n  - {folder: b, domains: [a.org]}\n") ==
        "f.yml:4:27: edge.tenants[1].domains[0]: a.org is already taken by "
        "edge.tenants[0].domains[0]\n");
  CHECK(errors_with("  - {folder: a}\n") == "f.yml:3:5: edge.tenants[0].domains: is missing\n");
}

TEST_CASE("addresses to publish at are said, or all are allowed") {
  const auto read = [](const std::string& text) { return parse_platform("f.yml", text); };
  CHECK_FALSE(read("").platform.publish_addresses.has_value());
  CHECK_FALSE(read("publish: {}\n").platform.publish_addresses.has_value());
  CHECK(read("publish: {addresses: []}\n").platform.publish_addresses->empty());
  const auto two = read("publish: {addresses: [192.0.2.1, \"::\"]}\n");
  CHECK(two.platform.publish_addresses == std::vector<std::string>{"192.0.2.1", "::"});
  const auto wrong = read("publish: {addresses: [example.org]}\n");
  REQUIRE(wrong.errors.size() == 1);
  CHECK(wrong.errors[0].text() ==
        "f.yml:1:23: publish.addresses[0]: must be an IP address, got \"example.org\"");
}
