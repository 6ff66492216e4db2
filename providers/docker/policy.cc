#include "providers/docker/policy.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "providers/docker/capabilities.h"
#include "providers/docker/host_ports.h"
#include "providers/docker/labels.h"
#include "providers/docker/mounts.h"
#include "providers/docker/reader.h"
#include "providers/docker/steps.h"
#include "providers/docker/storage.h"
#include "reconciler/grammar.h"
#include "reconciler/image_ref.h"
#include "reconciler/mount_roots.h"
#include "reconciler/registries.h"

namespace fairlead::docker {
namespace {

Error denied(const std::string& what) {
  return {Code::denied, "refused by fairlead's policy: " + what, ""};
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

Result<void> check_bind(const Json& mount, const std::string& app, const Platform& platform,
                        const Tenant* tenant) {
  const std::string& source = mount["Source"].as_string();
  // With a "/" behind it the last part is checked like the others.
  const std::string parts = source + "/";
  if (contains(parts, "/../") || contains(parts, "/./") || contains(parts, "//") ||
      source[0] != '/') {
    return denied("mount of " + source + ": not a plain absolute path");
  }
  if (source.size() >= 5 && source.compare(source.size() - 5, 5, ".sock") == 0) {
    return denied("mount of the socket " + source);
  }
  if (at_or_below(source, platform.folders.mounted_secrets + "/" + app)) {
    if (mount["ReadOnly"].as_bool()) return {};
    return denied("a secret mounted writable");
  }
  if (app == edge_app && source == platform.folders.edge) {
    if (mount["ReadOnly"].as_bool()) return {};
    return denied("the edge's configuration mounted writable");
  }
  const std::string why = why_not_mounted(platform, source);
  if (!why.empty()) return denied("mount of " + why);
  if (!tenant || may_mount(*tenant, source)) return {};
  return denied("mount of " + source + ": below no mount root of the tenant " + tenant->folder);
}

Result<void> check_mount(const Json& mount, const std::string& app, const Platform& platform,
                         const Tenant* tenant) {
  for (const auto& [key, value] : mount.members()) {
    static const std::set<std::string> known = {"Type", "Source", "Target", "ReadOnly"};
    if (known.count(key) == 0) return denied("mount option " + key);
  }
  const std::string& type = mount["Type"].as_string();
  const std::string& source = mount["Source"].as_string();
  if (type == "bind") return check_bind(mount, app, platform, tenant);
  if (type != "volume") return denied("mount of type " + type);
  if (source != app + ".data")
    return denied("mount of the volume " + source + ", which is not the app's");
  return {};
}

bool one_of(const Json& list, const std::set<std::string>& allowed) {
  return std::all_of(list.items().begin(), list.items().end(),
                     [&](const Json& item) { return allowed.count(item.as_string()) > 0; });
}

// The engine takes keys in any case, so that "hostconfig" beside HostConfig would win over it.
Result<void> check_fields(const Json& body, const std::string& app) {
  static const std::set<std::string> known = {
      "Image",           "Cmd", "Entrypoint",  "User",       "WorkingDir",   "StopSignal",
      "StopTimeout",     "Env", "Healthcheck", "HostConfig", "ExposedPorts", "Labels",
      "NetworkingConfig"};
  for (const auto& [key, value] : body.members()) {
    if (known.count(key) == 0) return denied("the field " + key);
  }
  for (const auto& [key, value] : body["NetworkingConfig"].members()) {
    if (key != "EndpointsConfig") return denied("NetworkingConfig." + key);
  }
  for (const auto& [network, value] : body["NetworkingConfig"]["EndpointsConfig"].members()) {
    if (network != network_name(app)) return denied("network " + network);
  }
  return {};
}

// What only its files are wanted of, so that it has nothing to run with.
Result<void> check_never_started(const Json& body, const std::string& path) {
  const std::size_t name = path.find("name=");
  const std::string said = name == path.npos ? "" : path.substr(name + 5);
  const Result<void> checked =
      is_keeper_name(said) ? check_keeper(body, said) : check_reader(body, said);
  return checked ? checked : Result<void>(denied(checked.error().message));
}

// No limit at all is the platform file's to allow.
bool limited(const Json& limit, const std::optional<std::int64_t>& by_platform) {
  return limit.as_int() > 0 || (limit.is_int() && limit.as_int() == 0 && by_platform == 0);
}

// Of one tenant's app.
Result<void> check_ports_of(const Tenant& tenant, const Json& bindings) {
  for (const auto& [port, places] : bindings.members()) {
    for (const Json& place : places.items()) {
      const std::string& text = place["HostPort"].as_string();
      if (may_publish(tenant, port_of(text).value_or(0))) continue;
      return denied("the port " + text + " of the host, which is none of the tenant " +
                    tenant.folder);
    }
  }
  return {};
}

Result<void> check_container(const Json& body, const Platform& platform, const Tenant* tenant) {
  const Json& host = body["HostConfig"];
  const std::string& app = body["Labels"]["fairlead.app"].as_string();
  if (Result<void> checked = check_fields(body, app); !checked) return checked;
  // An allow-list: whatever the engine learns tomorrow is refused until it is thought about.
  static const std::set<std::string> known = {
      "NetworkMode", "RestartPolicy", "NanoCpus",    "Memory",        "MemorySwap", "PidsLimit",
      "CapDrop",     "CapAdd",        "SecurityOpt", "Init",          "LogConfig",  "Mounts",
      "Tmpfs",       "PortBindings",  "ExtraHosts",  "ReadonlyRootfs"};
  for (const auto& [key, value] : host.members()) {
    if (known.count(key) == 0) return denied("HostConfig." + key);
  }
  if (app.empty()) return denied("a container without an owner");
  if (host["NetworkMode"].as_string() != network_name(app))
    return denied("network " + host["NetworkMode"].as_string());
  if (!one_of(host["SecurityOpt"], {"no-new-privileges"}) || host["SecurityOpt"].empty()) {
    return denied("security options other than no-new-privileges");
  }
  const std::string profile = profile_of(host);
  if (profile.empty() || profile == "older") {
    return denied("a container that keeps more capabilities than the profile `standard`");
  }
  if (!limited(host["Memory"], platform.defaults.memory) ||
      !limited(host["PidsLimit"], platform.defaults.pids)) {
    return denied("a container without limits");
  }
  for (const Json& mount : host["Mounts"].items()) {
    if (Result<void> checked = check_mount(mount, app, platform, tenant); !checked) return checked;
  }
  const Json& ports = host["PortBindings"];
  const Result<void> checked = check_ports(ports, app, platform);
  if (!checked) return denied(checked.error().message);
  return tenant ? check_ports_of(*tenant, ports) : Result<void>();
}

// "fromImage=ghcr.io/acme/blog&tag=1", and nothing else that the engine would make an image of.
Result<void> check_pull(const HttpCall& call, const Platform& platform, const Tenant* tenant) {
  const std::string& path = call.path;
  std::string image;
  for (std::size_t at = path.find('?'); at != path.npos;) {
    const std::size_t end = path.find('&', at + 1);
    const std::string word = path.substr(at + 1, end == path.npos ? end : end - at - 1);
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const bool first = key == "fromImage" && image.empty() && equals != word.npos;
    if (first) image = word.substr(equals + 1);
    if (!first && key != "tag") return denied("a pull with " + key);
    at = end;
  }
  const auto ref = ImageRef::parse(image);
  if (!ref) return denied("a pull of \"" + image + "\"");
  const Result<void> allowed = may_use(platform, ref->registry);
  if (!allowed) return denied("pull of " + image + ": " + allowed.error().message);
  if (tenant && !may_use_registry(*tenant, ref->registry)) {
    return denied("a pull from the registry " + ref->registry + ", which is none of the tenant " +
                  tenant->folder);
  }
  const bool login = std::any_of(call.headers.begin(), call.headers.end(),
                                 [](const auto& header) { return header.first == login_header; });
  if (login && !may_log_in(tenant)) return denied("a login for the tenant " + tenant->folder);
  return {};
}

}  // namespace

Result<void> check_policy(const HttpCall& call, const Platform& platform, const Tenant* tenant) {
  if (call.endpoint != "engine") {
    return call.writes() ? Result<void>(denied("a writing request to " + call.endpoint))
                         : Result<void>();
  }
  if (call.method == "PUT") {
    const Result<void> checked = check_own(call);
    return checked ? checked : Result<void>(denied(checked.error().message));
  }
  if (call.method != "POST") return {};
  const bool container = contains(call.path, "/containers/create");
  const bool volume = contains(call.path, "/volumes/create");
  const bool update = contains(call.path, "/update");
  if (contains(call.path, "/images/create")) return check_pull(call, platform, tenant);
  if (!container && !volume && !update) return {};
  const Result<Json> body = Json::parse(call.body);
  if (!body) return denied("a body that is not JSON");
  const bool reader = container && (*body)["HostConfig"]["NetworkMode"].as_string() == "none";
  if (reader) return check_never_started(*body, call.path);
  if (container) return check_container(*body, platform, tenant);
  if (volume && (body->has("DriverOpts") || (*body)["Driver"].as_string() != "local")) {
    return denied("volume driver options");
  }
  static const std::set<std::string> live = {"NanoCpus", "Memory", "MemorySwap", "PidsLimit",
                                             "RestartPolicy"};
  for (const auto& [key, value] : body->members()) {
    if (update && live.count(key) == 0) return denied("update of " + key);
    if (update && key == "PidsLimit" && !limited(value, platform.defaults.pids)) {
      return denied("an update that takes limits away");
    }
  }
  return {};
}

}  // namespace fairlead::docker
