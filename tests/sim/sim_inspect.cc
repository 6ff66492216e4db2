#include "tests/sim/sim_inspect.h"

#include <algorithm>

#include "tests/sim/sim_engine.h"

// Containers as JSON: the list, inspect, and the canonical text of the whole world.
namespace fairlead::sim {
namespace {

std::string mac_of(const std::string& address) {
  const std::uint32_t bits = parse_address(address).value_or(0);
  char text[24];
  std::snprintf(text, sizeof text, "02:42:%02x:%02x:%02x:%02x", bits >> 24, bits >> 16 & 255,
                bits >> 8 & 255, bits & 255);
  return text;
}

std::string shown(const Labels& labels, const std::set<std::string>& volatile_labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    if (volatile_labels.count(key) == 0) text += " " + key + "=" + value;
  }
  return text;
}

std::string status_text(const SimContainer& container, Instant now) {
  const std::string state = container.status();
  const auto since = [&](const Instant& then) { return human_duration(now.wall - then.wall); };
  const std::string code = "(" + std::to_string(container.exit_code) + ") ";
  if (state == "created") return "Created";
  if (state == "removing") return "Removal In Progress";
  if (state == "exited") {
    return container.finished ? "Exited " + code + since(*container.finished) + " ago" : "Created";
  }
  if (state == "restarting") return "Restarting " + code + since(*container.finished) + " ago";
  const std::string up = "Up " + since(container.started);
  if (state == "paused") return up + " (Paused)";
  if (!container.health) return up;
  const std::string& health = container.health->status;
  return up + " (" + (health == "starting" ? "health: starting" : health) + ")";
}

Json endpoint_json(const SimContainer& container, const SimEndpoint& endpoint, bool newer) {
  const bool attached = !endpoint.endpoint_id.empty();
  const bool own_network = endpoint.network != "bridge";
  std::vector<std::string> aliases = endpoint.aliases;
  if (own_network) aliases.push_back(container.id.substr(0, 12));
  Json json =
      Json::object({{"IPAMConfig", endpoint.fixed_address.empty()
                                       ? Json()
                                       : Json::object({{"IPv4Address", endpoint.fixed_address}})},
                    {"Links", Json()},
                    {"Aliases", own_network ? Json(aliases) : Json()},
                    {"NetworkID", endpoint.network_id},
                    {"EndpointID", endpoint.endpoint_id},
                    {"Gateway", endpoint.gateway},
                    {"IPAddress", endpoint.address},
                    {"IPPrefixLen", attached ? endpoint.prefix : 0},
                    {"IPv6Gateway", ""},
                    {"GlobalIPv6Address", ""},
                    {"GlobalIPv6PrefixLen", 0},
                    {"MacAddress", attached ? mac_of(endpoint.address) : ""},
                    {"DriverOpts", Json()}});
  if (newer && own_network) {
    aliases.insert(aliases.begin(), container.name);
    json.set("DNSNames", aliases);
  }
  return json;
}

Json networks_json(const SimContainer& container, bool newer) {
  Json networks = Json::object();
  for (const auto& [name, endpoint] : container.endpoints) {
    networks.set(name, endpoint_json(container, endpoint, newer));
  }
  return networks;
}

Json ports_json(const SimContainer& container) {
  Json ports = Json::object();
  if (!container.running || container.restarting) return ports;
  for (const auto& [port, bindings] : container.host_config["PortBindings"].members()) {
    Json list = Json::array();
    for (const Json& binding : bindings.items()) {
      const std::string& address = binding["HostIp"].as_string();
      list.push(Json::object(
          {{"HostIp", address.empty() ? "0.0.0.0" : address}, {"HostPort", binding["HostPort"]}}));
    }
    ports.set(port, list);
  }
  return ports;
}

Json mounts_json(const SimContainer& container) {
  Json mounts = Json::array();
  for (const Json& mount : container.host_config["Mounts"].items()) {
    const std::string type = mount["Type"].as_string();
    Json json = Json::object({{"Type", type}});
    if (type == "volume") {
      const std::string& name = mount["Source"].as_string();
      json.set("Name", name).set("Source", "/var/lib/docker/volumes/" + name + "/_data");
    } else {
      json.set("Source", type == "bind" ? mount["Source"] : Json(""));
    }
    json.set("Destination", mount["Target"]);
    if (type == "volume") json.set("Driver", "local");
    json.set("Mode", type == "volume" ? "z" : "");
    json.set("RW", !mount["ReadOnly"].as_bool());
    json.set("Propagation", type == "bind" ? "rprivate" : "");
    mounts.push(json);
  }
  return mounts;
}

Json state_json(const SimContainer& container) {
  Json state = Json::object(
      {{"Status", container.status()},
       {"Running", container.running},
       {"Paused", container.paused},
       {"Restarting", container.restarting},
       {"OOMKilled", false},
       {"Dead", false},
       {"Pid", container.pid},
       {"ExitCode", container.exit_code},
       {"Error", container.error},
       {"StartedAt", rfc3339(container.ever_started ? container.started.wall : Duration{0})},
       {"FinishedAt", rfc3339(container.finished ? container.finished->wall : Duration{0})}});
  if (container.health) {
    state.set("Health", Json::object({{"Status", container.health->status},
                                      {"FailingStreak", container.health->streak},
                                      {"Log", container.health->log}}));
  }
  return state;
}

Json list_entry(const SimContainer& container, Instant now, bool newer) {
  std::vector<std::string> words = to_strings(container.config["Entrypoint"]);
  for (const std::string& word : to_strings(container.config["Cmd"])) words.push_back(word);
  Json ports = Json::array();
  const Json open = ports_json(container);
  for (const auto& [port, bindings] : open.members()) {
    for (const Json& binding : bindings.items()) {
      ports.push(Json::object({{"IP", binding["HostIp"]},
                               {"PrivatePort", std::atoi(port.c_str())},
                               {"PublicPort", std::atoi(binding["HostPort"].as_string().c_str())},
                               {"Type", port.substr(port.find('/') + 1)}}));
    }
  }
  return Json::object(
      {{"Id", container.id},
       {"Names", Json::array({"/" + container.name})},
       {"Image", container.image},
       {"ImageID", container.image_id},
       {"Command", join(words, " ")},
       {"Created", static_cast<std::int64_t>(container.created.wall.count() / 1'000'000'000)},
       {"Ports", ports},
       {"Labels", to_json(container.labels)},
       {"State", container.status()},
       {"Status", status_text(container, now)},
       {"HostConfig", Json::object({{"NetworkMode", container.host_config["NetworkMode"]}})},
       {"NetworkSettings", Json::object({{"Networks", networks_json(container, newer)}})},
       {"Mounts", mounts_json(container)}});
}

}  // namespace

Json inspect_json(const SimContainer& container, bool newer) {
  const std::vector<std::string> entrypoint = to_strings(container.config["Entrypoint"]);
  std::vector<std::string> words = entrypoint;
  for (const std::string& word : to_strings(container.config["Cmd"])) words.push_back(word);
  const std::string path = words.empty() ? "" : words.front();
  if (!words.empty()) words.erase(words.begin());
  return Json::object(
      {{"Id", container.id},
       {"Created", rfc3339(container.created.wall)},
       {"Path", path},
       {"Args", Json(words)},
       {"State", state_json(container)},
       {"Image", container.image_id},
       {"Name", "/" + container.name},
       {"RestartCount", container.restart_count},
       {"Driver", "overlay2"},
       {"Platform", "linux"},
       {"HostConfig", container.host_config},
       {"Mounts", mounts_json(container)},
       {"Config", container.config},
       {"NetworkSettings", Json::object({{"Ports", ports_json(container)},
                                         {"Networks", networks_json(container, newer)}})}});
}

namespace {

// By name or by id; those that are stopped too.
bool on_network(const Filters& filters, const SimContainer& container) {
  return filters.count("network") == 0 ||
         std::any_of(container.endpoints.begin(), container.endpoints.end(), [&](const auto& held) {
           return any_equal(filters, "network", held.first) ||
                  any_equal(filters, "network", held.second.network_id);
         });
}

}  // namespace

Answer SimEngine::list_containers(const Target& target) const {
  const auto [filters, refused] =
      filters_of(target, {"label", "name", "id", "status", "ancestor", "network", "volume",
                          "exited", "health", "before", "since", "publish", "expose", "is-task"});
  if (refused) return *refused;
  std::vector<const SimContainer*> found;
  for (const auto& [id, container] : containers_) {
    if (!target.flag("all") && !container.running && filters.count("status") == 0) continue;
    const bool named = any_match(filters, "name", container.name) ||
                       any_match(filters, "name", "/" + container.name);
    if (named && labels_match(filters, container.labels) && any_match(filters, "id", id) &&
        any_equal(filters, "status", container.status()) && on_network(filters, container)) {
      found.push_back(&container);
    }
  }
  std::sort(found.begin(), found.end(), [](const SimContainer* a, const SimContainer* b) {
    return std::tie(b->created.steady, a->id) < std::tie(a->created.steady, b->id);
  });
  Json list = Json::array();
  for (const SimContainer* container : found) list.push(list_entry(*container, now_, newer()));
  return answer_json(200, list);
}

std::string SimEngine::final_world(const std::set<std::string>& volatile_labels) const {
  std::vector<std::string> lines;
  for (const auto& [id, container] : containers_) {
    std::string line =
        "container " + container.name + " image=" + container.image + " " + container.status();
    if (container.health) line += " " + container.health->status;
    if (container.status() == "exited") line += " code=" + std::to_string(container.exit_code);
    const Json& host = container.host_config;
    for (const char* key : {"Memory", "MemorySwap", "NanoCpus", "PidsLimit"}) {
      line += std::string(" ") + key + "=" + host[key].dump();
    }
    line += " restart=" + container.policy() + " env=" + container.config["Env"].canonical() +
            " mounts=" + host["Mounts"].canonical();
    for (const auto& [name, endpoint] : container.endpoints) {
      line += " net=" + name + "(" + endpoint.fixed_address + " " + join(endpoint.aliases, ",") +
              (endpoint.endpoint_id.empty() ? " off)" : " on)");
    }
    lines.push_back(line + shown(container.labels, volatile_labels));
  }
  for (const auto& [id, network] : networks_) {
    lines.push_back("network " + network.name + " " + format_address(network.base) + "/" +
                    std::to_string(network.prefix) + shown(network.labels, volatile_labels));
  }
  for (const auto& [name, volume] : volumes_) {
    lines.push_back("volume " + name + " of " + std::to_string(volume.folder.user) + ":" +
                    std::to_string(volume.folder.group) +
                    shown(volume.labels.value_or(Labels()), volatile_labels));
  }
  std::sort(lines.begin(), lines.end());
  return join(lines, "\n") + "\n";
}

}  // namespace fairlead::sim
