#include "reconciler/platform.h"

#include <cstdio>

#include "reconciler/field.h"
#include "reconciler/grammar.h"
#include "reconciler/ignore.h"
#include "reconciler/platform_edge.h"
#include "reconciler/schema.h"

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t log_bytes_min = 64 << 10;

void read_domain(std::string& domain, const Field& field) {
  const auto text = field.text();
  if (!text) return;
  if (const auto normal = normal_domain(ascii_host(*text), false)) {
    domain = *normal;
  } else {
    field.refuse("must be a host name such as example.org, got \"" + *text + "\"");
  }
}

void read_folders(Platform::Folders& folders, const Field& field) {
  take(folders.manifests, field["manifests"].absolute_path());
  take(folders.secrets, field["secrets"].absolute_path());
  take(folders.state, field["state"].absolute_path());
  take(folders.mounted_secrets, field["mounted_secrets"].absolute_path());
  take(folders.edge, field["edge"].absolute_path());
  take(folders.certificates, field["certificates"].absolute_path());
  for (const Field& item : field["ignore"].items()) {
    const auto pattern = item.text();
    if (!pattern) continue;
    const Result<void> understood = IgnoreList().add(*pattern, "");
    if (understood) folders.ignore.push_back(*pattern);
    if (!understood) item.refuse(understood.error().message);
  }
}

bool is_tcp_target(const std::string& target) {
  const std::size_t colon = target.rfind(':');
  if (colon == std::string::npos) return false;
  return is_registry(target) ||
         (target.size() > 2 && target[0] == '[' && target[colon - 1] == ']' &&
          is_address(target.substr(1, colon - 2)) && is_registry("host" + target.substr(colon)));
}

bool is_engine_host(const std::string& host) {
  constexpr std::string_view local = "unix://";
  constexpr std::string_view remote = "tcp://";
  if (host.compare(0, local.size(), local) == 0) {
    return normal_path(host.substr(local.size())).has_value();
  }
  return host.compare(0, remote.size(), remote) == 0 && is_tcp_target(host.substr(remote.size()));
}

void read_engine(Platform::Engine& engine, const Field& field) {
  const auto host = field["host"].text();
  if (host && !is_engine_host(*host)) {
    field["host"].refuse("must be unix:///PATH or tcp://HOST:PORT, got \"" + *host + "\"");
  }
  take(engine.host, host);
  take(engine.certificates, field["certificates"].absolute_path());
  take(engine.concurrency, field["concurrency"].number());
  take(engine.resync, field["resync"].duration(1s));
}

// "10.213.0.0/16": the address is the first of its range.
bool is_pool(const std::string& text) {
  // sscanf would take blanks and signs as well.
  if (text.find_first_not_of("0123456789./") != std::string::npos) return false;
  unsigned a = 0, b = 0, c = 0, d = 0, bits = 0;
  int used = 0;
  const int count =
      std::sscanf(text.c_str(), "%3u.%3u.%3u.%3u/%2u%n", &a, &b, &c, &d, &bits, &used);
  if (count != 5 || static_cast<std::size_t>(used) != text.size()) return false;
  if (!is_address(text.substr(0, text.find('/'))) || bits < 8 || bits > 24) return false;
  const unsigned address = a << 24 | b << 16 | c << 8 | d;
  return (address & (0xffffffffu >> bits)) == 0;
}

void read_network(Platform::Network& network, const Field& field) {
  const auto pool = field["pool"].text();
  if (pool && !is_pool(*pool)) {
    field["pool"].refuse("must be an IPv4 range such as 10.213.0.0/16, from /8 to /24, got \"" +
                         *pool + "\"");
  }
  take(network.pool, pool);
}

void refuse_of_managed(const Field& field) {
  for (const auto& [key, value] : field.members()) {
    if (key == "mode") continue;
    value.refuse(
        "says where the service is though it is managed: leave it out, or say mode: external");
  }
}

void demand_of_external(const Field& field) {
  for (const char* key : {"host", "user", "password_file"}) {
    if (field[key].value().is_null()) field[key].refuse("is missing: mode external needs it");
  }
  if (field["ca_file"].said() && !field["tls"].flag()) {
    field["ca_file"].refuse("is for TLS, which is off: say tls: true");
  }
}

void read_service_host(std::string& host, const Field& field) {
  const auto text = field.text();
  if (!text) return;
  const auto domain = normal_domain(ascii_host(*text), false);
  if (!domain && !is_address(*text)) {
    field.refuse("must be a host name such as db.example.org, or an address, got \"" + *text +
                 "\"");
  }
  host = domain.value_or(*text);
}

void read_service(Platform::Service& service, const Field& field) {
  const Field mode = field["mode"];
  if (!mode.value().is_null() && !mode.said()) return;  // what was meant is not known
  service.external = mode.text() == "external";
  if (!service.external) return refuse_of_managed(field);
  demand_of_external(field);
  read_service_host(service.host, field["host"]);
  take(service.port, field["port"].number());
  take(service.management_port, field["management_port"].number());
  take(service.user, field["user"].text());
  take(service.password_file, field["password_file"].absolute_path());
  service.tls = field["tls"].flag();
  take(service.ca_file, field["ca_file"].absolute_path());
}

void read_publish_addresses(std::optional<std::vector<std::string>>& addresses,
                            const Field& field) {
  if (!field.said()) return;
  addresses.emplace();
  for (const Field& item : field.items()) {
    const auto text = item.text();
    if (!text) continue;
    if (!is_address(*text)) item.refuse("must be an IP address, got \"" + *text + "\"");
    addresses->push_back(*text);
  }
}

void read_registries(std::map<std::string, RegistryLogin>& registries, const Field& field) {
  for (const auto& [host, login] : field.members()) {
    if (!is_registry(host)) {
      login.refuse("this name must be a registry host such as ghcr.io or 127.0.0.1:5000");
    }
    registries[host] = {login["user"].text().value_or(""),
                        login["password_file"].absolute_path().value_or("")};
  }
}

void read_prune(Platform::Prune& prune, const Field& field) {
  take(prune.fuse_apps, field["fuse_apps"].number());
  take(prune.fuse_percent, field["fuse_percent"].number());
  take(prune.grace, field["grace"].duration(0ms));
}

void read_log(Platform::Log& log, const Field& field) {
  take(log.format, field["format"].text());
  take(log.container_bytes, field["container_size"].bytes());
  take(log.container_files, field["container_files"].number());
  if (log.container_bytes < log_bytes_min) {
    field["container_size"].refuse("must be at least 64k, got " + *field["container_size"].text());
  }
}

// "none" is 0.
template <typename Read>
void read_default(std::optional<std::int64_t>& limit, const Field& field, Read read) {
  if (field.said() && field.value() == Json("none")) {
    limit = 0;
  } else if (const auto said = read(field)) {
    limit = *said;
  }
}

void read_defaults(Platform::Defaults& defaults, const Field& field) {
  read_default(defaults.nano_cpus, field["cpus"], [](const Field& cpus) { return cpus.cpus(); });
  read_default(defaults.memory, field["memory"],
               [](const Field& memory) { return memory.memory_limit(); });
  read_default(defaults.pids, field["pids"], [](const Field& pids) { return pids.number(); });
}

Platform read_platform(const Field& root) {
  Platform platform;
  read_domain(platform.domain, root["domain"]);
  read_folders(platform.folders, root["folders"]);
  take(platform.socket, root["socket"].absolute_path());
  read_engine(platform.engine, root["engine"]);
  read_network(platform.network, root["network"]);
  read_service(platform.database, root["database"]);
  read_service(platform.messagebus, root["messagebus"]);
  platform.edge = read_edge(root["edge"]);
  read_defaults(platform.defaults, root["defaults"]["resources"]);
  for (const Field& item : root["mount_roots"].items()) {
    if (const auto path = item.absolute_path()) platform.mount_roots.push_back(*path);
  }
  read_publish_addresses(platform.publish_addresses, root["publish"]["addresses"]);
  read_registries(platform.registries, root["registries"]);
  read_prune(platform.prune, root["prune"]);
  read_log(platform.log, root["log"]);
  return platform;
}

}  // namespace

ParsedPlatform parse_platform(const std::string& file, std::string_view text) {
  const ParsedFile parsed = parse_file(file, text);
  ParsedPlatform result;
  result.errors = parsed.errors;
  if (parsed.documents.size() > 1) {
    result.errors.push_back({Code::invalid, "the platform file has one document, got a second one",
                             parsed.documents[1].start.text()});
  }
  // An empty file says nothing, and every member has its default.
  if (!result.errors.empty() || parsed.documents.empty()) return result;
  const Document& document = parsed.documents[0];
  Findings findings(document);
  platform_schema().check(document, findings);
  result.platform = read_platform(Field(document, findings));
  result.errors = findings.errors();
  return result;
}

}  // namespace fairlead
