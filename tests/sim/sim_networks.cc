#include <algorithm>

#include "tests/sim/sim_engine.h"

// Networks with their addresses, and volumes.
namespace fairlead::sim {
namespace {

std::string mac_of(std::uint32_t address) {
  char text[24];
  std::snprintf(text, sizeof text, "02:42:%02x:%02x:%02x:%02x", address >> 24, address >> 16 & 255,
                address >> 8 & 255, address & 255);
  return text;
}

Json volume_json(const SimVolume& volume) {
  return Json::object(
      {{"CreatedAt", rfc3339(std::chrono::floor<std::chrono::seconds>(volume.created.wall))},
       {"Driver", "local"},
       {"Labels", volume.labels ? to_json(*volume.labels) : Json()},
       {"Mountpoint", "/var/lib/docker/volumes/" + volume.name + "/_data"},
       {"Name", volume.name},
       {"Options", volume.options},
       {"Scope", "local"}});
}

}  // namespace

std::vector<SimNetwork*> SimEngine::find_networks(const std::string& name_or_id) {
  if (auto found = networks_.find(name_or_id); found != networks_.end()) return {&found->second};
  std::vector<SimNetwork*> named;
  std::vector<SimNetwork*> prefixed;
  for (auto& [id, network] : networks_) {
    if (network.name == name_or_id) named.push_back(&network);
    if (name_or_id.size() >= 4 && id.starts_with(name_or_id)) prefixed.push_back(&network);
  }
  return named.empty() ? prefixed : named;
}

SimEngine::Handler SimEngine::route_network(const HttpCall& call, const Target& target) {
  const std::string& name = target.part(1);
  if (call.method == "GET" && target.parts.size() == 1) {
    const auto [filters, refused] =
        filters_of(target, {"label", "name", "id", "driver", "scope", "type", "dangling"});
    if (refused) return *refused;
    Json list = Json::array();
    for (const auto& [id, network] : networks_) {
      if (labels_match(filters, network.labels) && any_match(filters, "name", network.name) &&
          any_match(filters, "id", id)) {
        list.push(network_json(network, false));
      }
    }
    return answer_json(200, list);
  }
  if (call.method == "POST" && name == "create") return create_network(call);
  if (call.method == "GET") return network_json_answer(name);
  if (call.method == "DELETE") return remove_network(name);
  if (call.method == "POST" && target.part(2) == "connect") return connect(call, name);
  if (call.method == "POST" && target.part(2) == "disconnect") return disconnect(call, name);
  return answer_error(404, "page not found");
}

Answer SimEngine::network_json_answer(const std::string& name) {
  const std::vector<SimNetwork*> found = find_networks(name);
  if (found.empty()) return answer_error(404, "network " + name + " not found");
  if (found.size() > 1) {
    return answer_error(400, std::to_string(found.size()) +
                                 " matches found based on name: network " + name + " is ambiguous");
  }
  return answer_json(200, network_json(*found.front(), true));
}

Json SimEngine::network_json(const SimNetwork& network, bool with_containers) const {
  Json config = Json::object({{"Subnet", network.subnet}});
  if (network.gateway_shown) config.set("Gateway", format_address(network.gateway));
  if (network.range) {
    config.set("IPRange",
               format_address(network.range->base) + "/" + std::to_string(network.range->prefix));
  }
  Json containers = Json::object();
  for (const auto& [id, container] : containers_) {
    for (const auto& [name, endpoint] : container.endpoints) {
      if (!with_containers || endpoint.endpoint_id.empty() || endpoint.network_id != network.id) {
        continue;
      }
      containers.set(
          id,
          Json::object({{"Name", container.name},
                        {"EndpointID", endpoint.endpoint_id},
                        {"MacAddress", mac_of(*parse_address(endpoint.address))},
                        {"IPv4Address", endpoint.address + "/" + std::to_string(endpoint.prefix)},
                        {"IPv6Address", ""}}));
    }
  }
  return Json::object({{"Name", network.name},
                       {"Id", network.id},
                       {"Created", rfc3339(network.created.wall)},
                       {"Scope", "local"},
                       {"Driver", network.driver},
                       {"EnableIPv6", false},
                       {"IPAM", Json::object({{"Driver", "default"},
                                              {"Options", Json()},
                                              {"Config", Json::array({config})}})},
                       {"Internal", network.internal},
                       {"Attachable", false},
                       {"Ingress", false},
                       {"ConfigFrom", Json::object({{"Network", ""}})},
                       {"ConfigOnly", false},
                       {"Containers", containers},
                       {"Options", Json::object()},
                       {"Labels", to_json(network.labels)}});
}

std::optional<Answer> SimEngine::choose_subnet(const Json& config, SimNetwork& network) const {
  const auto free = [&](const Subnet& subnet) {
    return std::none_of(networks_.begin(), networks_.end(), [&](const auto& entry) {
      return subnet.overlaps(Subnet{entry.second.base, entry.second.prefix});
    });
  };
  const auto take = [&](const Subnet& subnet) {
    network.base = subnet.base;
    network.prefix = subnet.prefix;
    network.subnet = format_address(subnet.base) + "/" + std::to_string(subnet.prefix);
    network.gateway = subnet.base + 1;
  };
  const std::string& text = config["Subnet"].as_string();
  if (!text.empty()) {
    const std::optional<Subnet> subnet = parse_subnet(text);
    if (!subnet) return answer_error(400, "invalid CIDR address: " + text);
    if (newer() && !text.starts_with(format_address(subnet->base) + "/")) {
      return answer_error(400, "invalid network config:\ninvalid subnet " + text +
                                   ": it should be " + format_address(subnet->base) + "/" +
                                   std::to_string(subnet->prefix));
    }
    if (!free(*subnet)) {
      return answer_error(403, "Pool overlaps with other one on this address space");
    }
    take(*subnet);
    network.subnet = text;
    network.user_subnet = true;
    network.range = parse_subnet(config["IPRange"].as_string());
    if (const auto gateway = parse_address(config["Gateway"].as_string())) {
      network.gateway = *gateway;
      network.gateway_shown = true;
    }
    return std::nullopt;
  }
  network.gateway_shown = true;
  for (std::uint32_t second = 17; second < 32; ++second) {
    const Subnet subnet{172u << 24 | second << 16, 16};
    if (free(subnet)) return take(subnet), std::nullopt;
  }
  for (std::uint32_t third = 0; third < 16; ++third) {
    const Subnet subnet{192u << 24 | 168u << 16 | third << 12, 20};
    if (free(subnet)) return take(subnet), std::nullopt;
  }
  return answer_error(404,
                      "could not find an available, non-overlapping IPv4 address pool among the "
                      "defaults to assign to the network");
}

Answer SimEngine::create_network(const HttpCall& call) {
  const auto [body, bad_body] = body_of(call);
  if (bad_body) return *bad_body;
  SimNetwork made;
  made.name = body["Name"].as_string();
  if (made.name.empty()) return answer_error(newer() ? 400 : 500, "invalid name: ");
  std::string warning;
  for (const auto& [id, network] : networks_) {
    if (network.name != made.name) continue;
    if (newer() || body["CheckDuplicate"].as_bool()) {
      return answer_error(409, "network with name " + made.name + " already exists");
    }
    warning = "Network with name " + made.name + " (id : " + id + ") already exists";
  }
  const std::string driver = body["Driver"].as_string();
  if (!driver.empty() && driver != "bridge") {
    return answer_error(404, "plugin \"" + driver + "\" not found");
  }
  const Json::Array& configs = body["IPAM"]["Config"].items();
  if (auto refused = choose_subnet(configs.empty() ? Json() : configs[0], made)) return *refused;
  made.id = random_.hex(64);
  made.labels = to_labels(body["Labels"]);
  made.internal = body["Internal"].as_bool();
  made.created = now_;
  emit_network(made, "create");
  const Answer answer = answer_json(201, Json::object({{"Id", made.id}, {"Warning", warning}}));
  networks_[made.id] = std::move(made);
  return answer;
}

Answer SimEngine::remove_network(const std::string& name) {
  const std::vector<SimNetwork*> found = find_networks(name);
  if (found.empty()) return answer_error(404, "network " + name + " not found");
  if (found.size() > 1) {
    return answer_error(400, "network " + name + " is ambiguous (" + std::to_string(found.size()) +
                                 " matches found based on name)");
  }
  const SimNetwork network = *found.front();
  if (network.name == "bridge") {
    return answer_error(403, "bridge is a pre-defined network and cannot be removed");
  }
  for (const auto& [id, container] : containers_) {
    for (const auto& [key, endpoint] : container.endpoints) {
      if (!endpoint.endpoint_id.empty() && endpoint.network_id == network.id) {
        return answer_error(403, "error while removing network: network " + network.name + " id " +
                                     network.id + " has active endpoints");
      }
    }
  }
  networks_.erase(network.id);
  emit_network(network, "destroy");
  return answer_empty(204);
}

bool SimEngine::address_taken(const SimNetwork& network, std::uint32_t address) const {
  const Subnet subnet{network.base, network.prefix};
  const std::uint32_t last = network.base | ~subnet.mask();
  if (address == network.base || address == last || address == network.gateway) return true;
  const std::string text = format_address(address);
  for (const auto& [id, container] : containers_) {
    for (const auto& [key, endpoint] : container.endpoints) {
      if (!endpoint.endpoint_id.empty() && endpoint.network_id == network.id &&
          endpoint.address == text) {
        return true;
      }
    }
  }
  return false;
}

std::optional<Answer> SimEngine::attach(const SimContainer& container, SimEndpoint& endpoint,
                                        SimNetwork& network) {
  const Subnet subnet{network.base, network.prefix};
  std::uint32_t address = 0;
  if (!endpoint.fixed_address.empty()) {
    if (!network.user_subnet) {
      return answer_error(400,
                          "user specified IP address is supported only when connecting to "
                          "networks with user configured subnets");
    }
    address = parse_address(endpoint.fixed_address).value_or(0);
    if (!subnet.contains(address)) {
      return answer_error(500, "Invalid address " + endpoint.fixed_address +
                                   ": It does not belong to any of this network's subnets");
    }
    if (address_taken(network, address)) return answer_error(403, "Address already in use");
  } else {
    // Serial, as in the engine: the next one after the last given, so that addresses move.
    const Subnet range = network.range.value_or(subnet);
    const std::uint32_t size = ~range.mask() + 1;
    const std::uint32_t last = network.last_given.value_or(size - 1);
    for (std::uint32_t step = 1; step <= size && address == 0; ++step) {
      const std::uint32_t offset = (last + step) % size;
      if (!address_taken(network, range.base + offset)) {
        address = range.base + offset;
        network.last_given = offset;
      }
    }
    if (address == 0) {
      return answer_error(403, "no available IPv4 addresses on this network's address pools: " +
                                   network.name + " (" + network.id + ")");
    }
  }
  endpoint.network_id = network.id;
  endpoint.endpoint_id = random_.hex(64);
  endpoint.address = format_address(address);
  endpoint.gateway = format_address(network.gateway);
  endpoint.prefix = network.prefix;
  emit_network(network, "connect", container.id);
  return std::nullopt;
}

Answer SimEngine::connect(const HttpCall& call, const std::string& name) {
  const auto [body, bad_body] = body_of(call);
  if (bad_body) return *bad_body;
  const std::vector<SimNetwork*> found = find_networks(name);
  if (found.empty()) return answer_error(404, "network " + name + " not found");
  SimNetwork& network = *found.front();
  const std::string& who = body["Container"].as_string();
  SimContainer* container = find_container(who);
  if (!container) return answer_error(404, "No such container: " + who);
  const Json& settings = body["EndpointConfig"];
  SimEndpoint endpoint;
  endpoint.network = network.name;
  endpoint.fixed_address = settings["IPAMConfig"]["IPv4Address"].as_string();
  endpoint.aliases = to_strings(settings["Aliases"]);
  const auto held = container->endpoints.find(network.name);
  if (container->running && !container->restarting) {
    if (found.size() > 1) {
      return answer_error(400, "network " + name + " is ambiguous (" +
                                   std::to_string(found.size()) + " matches found on name)");
    }
    if (held != container->endpoints.end() && !held->second.endpoint_id.empty()) {
      return answer_error(403, "endpoint with name " + container->name +
                                   " already exists in network " + network.name);
    }
    if (auto refused = attach(*container, endpoint, network)) return *refused;
  }
  container->endpoints[network.name] = std::move(endpoint);
  return answer_empty(200);
}

Answer SimEngine::disconnect(const HttpCall& call, const std::string& name) {
  const auto [body, bad_body] = body_of(call);
  if (bad_body) return *bad_body;
  const std::vector<SimNetwork*> found = find_networks(name);
  if (found.empty()) return answer_error(404, "network " + name + " not found");
  SimNetwork& network = *found.front();
  const std::string& who = body["Container"].as_string();
  SimContainer* container = find_container(who);
  if (!container) {
    if (body["Force"].as_bool()) {
      return answer_error(404, "endpoint " + who + " not found");
    }
    return answer_error(404, "No such container: " + who);
  }
  const auto held = container->endpoints.find(network.name);
  const bool runs = container->running && !container->restarting;
  if (held == container->endpoints.end() || (runs && held->second.endpoint_id.empty())) {
    return answer_error(
        500,
        runs ? "container " + container->id + " is not connected to network " + network.name
             : "container " + container->id + " is not connected to the network " + network.name);
  }
  const bool attached = !held->second.endpoint_id.empty();
  container->endpoints.erase(held);
  if (attached) emit_network(network, "disconnect", container->id);
  emit_network(network, "disconnect", container->id);
  return answer_empty(200);
}

SimEngine::Handler SimEngine::route_volume(const HttpCall& call, const Target& target) {
  const std::string& name = target.part(1);
  if (call.method == "GET" && name.empty()) {
    const auto [filters, refused] = filters_of(target, {"label", "name", "driver", "dangling"});
    if (refused) return *refused;
    Json list = Json::array();
    for (const auto& [key, volume] : volumes_) {
      if (labels_match(filters, volume.labels.value_or(Labels())) &&
          any_match(filters, "name", key)) {
        list.push(volume_json(volume));
      }
    }
    return answer_json(200, Json::object({{"Volumes", list}, {"Warnings", Json()}}));
  }
  if (call.method == "POST" && name == "create") return create_volume(call);
  const auto found = volumes_.find(name);
  if (found == volumes_.end()) return answer_error(404, "get " + name + ": no such volume");
  if (call.method == "GET") return answer_json(200, volume_json(found->second));
  if (call.method == "DELETE") return remove_volume(name);
  return answer_error(404, "page not found");
}

Answer SimEngine::create_volume(const HttpCall& call) {
  const auto [body, bad_body] = body_of(call);
  if (bad_body) return *bad_body;
  std::string name = body["Name"].as_string();
  if (name.empty()) name = random_.hex(64);
  if (name.size() < 2) {
    return answer_error(400, "create " + name +
                                 ": volume name is too short, names should be at least two "
                                 "alphanumeric characters");
  }
  if (name.find('/') != std::string::npos) {
    return answer_error(
        400, "create " + name + ": \"" + name +
                 "\" includes invalid characters for a local volume name, only "
                 "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                 "directory, use absolute path");
  }
  const bool fresh = volumes_.count(name) == 0;
  if (fresh) {
    SimVolume made;
    made.name = name;
    if (!body["Labels"].is_null()) made.labels = to_labels(body["Labels"]);
    if (!body["DriverOpts"].empty()) made.options = body["DriverOpts"];
    made.created = now_;
    volumes_[name] = std::move(made);
  }
  if (fresh || !newer()) emit("volume", "create", name, {{"driver", "local"}});
  return answer_json(201, volume_json(volumes_.at(name)));
}

Answer SimEngine::remove_volume(const std::string& name) {
  std::vector<std::string> users;
  for (const auto& [id, container] : containers_) {
    for (const Json& mount : container.host_config["Mounts"].items()) {
      if (mount["Type"].as_string() == "volume" && mount["Source"].as_string() == name) {
        users.push_back(id);
      }
    }
  }
  if (!users.empty()) {
    return answer_error(409, "remove " + name + ": volume is in use - [" + join(users, ", ") + "]");
  }
  volumes_.erase(name);
  emit("volume", "destroy", name, {{"driver", "local"}});
  return answer_empty(204);
}

}  // namespace fairlead::sim
