#include "providers/docker/host_ports.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "reconciler/grammar.h"
#include "reconciler/ports.h"

namespace fairlead::docker {
namespace {

constexpr std::string_view field_prefix = "publish.";

// "publish.0.0.0.0:80=4c5b6a" of a container's label: the port that it was made with.
std::optional<Publish> published_port(const std::string& word) {
  const std::size_t colon = word.rfind(':');
  const std::size_t equals = word.rfind('=');
  const bool whole = word.starts_with(field_prefix) && colon != word.npos && equals != word.npos &&
                     colon < equals && equals - colon < 7 && equals - colon > 1;
  if (!whole) return std::nullopt;
  const std::string port = word.substr(colon + 1, equals - colon - 1);
  const std::string address = word.substr(field_prefix.size(), colon - field_prefix.size());
  if (port.find_first_not_of("0123456789") != port.npos || !is_address(address)) {
    return std::nullopt;
  }
  return Publish{address, std::stoi(port)};
}

bool holds(const SeenContainer& container, const Publish& port) {
  if (!container.alive()) return false;
  std::istringstream words(container.fields);
  for (std::string word; words >> word;) {
    const auto held = published_port(word);
    if (held && overlap(*held, port)) return true;
  }
  return false;
}

Error refuse(const std::string& what) { return {Code::invalid, what, ""}; }

Result<void> check_binding(const Json& binding, const std::string& app, const Platform& platform) {
  for (const auto& [key, value] : binding.members()) {
    if (key != "HostIp" && key != "HostPort") return refuse("the member " + key + " of a port");
  }
  // A range, or none, would let the engine choose.
  const auto port = port_of(binding["HostPort"].as_string());
  if (!port) return refuse("the host port " + binding["HostPort"].dump());
  if (app == edge_app) return {};
  const std::string& address = binding["HostIp"].as_string();
  if (!is_address(address)) return refuse("a port at the address " + binding["HostIp"].dump());
  if (!address_allowed(platform, address)) {
    return refuse("a port at " + address + ", which publish.addresses does not allow");
  }
  const bool host = platform.edge.mode == Platform::Edge::Mode::host;
  for (const Publish& held : host ? edge_ports(platform.edge) : std::vector<Publish>()) {
    if (overlap(held, {address, *port})) {
      return refuse("port " + std::to_string(*port) + ", which is the edge's");
    }
  }
  return {};
}

}  // namespace

bool is_local(const Platform& platform) { return platform.engine.host.starts_with("unix://"); }

std::string port_in_use(const ContainerSpec& spec, const SeenApp& seen) {
  for (const Publish& port : spec.publishes) {
    for (const Publish& listener : seen.listening) {
      const bool own =
          std::any_of(seen.containers.begin(), seen.containers.end(),
                      [&](const SeenContainer& container) { return holds(container, listener); });
      if (own || !overlap(listener, port)) continue;
      return "port " + std::to_string(port.port) +
             " of the host is in use by another program, which listens on " + port_text(listener) +
             "; end that, or publish at another port";
    }
  }
  return "";
}

Result<void> check_ports(const Json& bindings, const std::string& app, const Platform& platform) {
  for (const auto& [port, all] : bindings.members()) {
    if (!port.ends_with("/tcp")) return refuse("the port " + port);
    for (const Json& binding : all.items()) {
      if (Result<void> checked = check_binding(binding, app, platform); !checked) return checked;
    }
  }
  return {};
}

}  // namespace fairlead::docker
