#include "reconciler/ports.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <sstream>

#include "reconciler/json.h"
#include "reconciler/url.h"

namespace fairlead {
namespace {

// An address in the form of IPv6; one of IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
using Bytes = std::array<unsigned char, 16>;

Bytes bytes_of(const std::string& address) {
  Bytes bytes{};
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xff;
  inet_pton(AF_INET, address.c_str(), bytes.data() + 12);
  return bytes;
}

bool is_four(const Bytes& bytes) {
  static const Bytes none = bytes_of("0.0.0.0");
  return std::equal(bytes.begin(), bytes.begin() + 12, none.begin());
}

bool is_all(const Publish& port) { return port.both_families || bytes_of(port.address) == Bytes{}; }

// "0100007F": each word of four bytes as the processor has it. Nothing where it is no address.
std::optional<std::string> address_of(const std::string& hex) {
  const bool six = hex.size() == 32;
  if ((!six && hex.size() != 8) || hex.find_first_not_of("0123456789ABCDEFabcdef") != hex.npos) {
    return std::nullopt;
  }
  Bytes bytes{};
  for (std::size_t at = 0; at < hex.size(); at += 8) {
    const auto word = static_cast<std::uint32_t>(std::stoul(hex.substr(at, 8), nullptr, 16));
    std::memcpy(bytes.data() + at / 2, &word, sizeof word);
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(six ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

std::optional<Publish> read_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size() || text.size() - colon > 6) return {};
  if (text.find_first_not_of("0123456789", colon + 1) != text.npos) return {};
  std::string address = text.substr(0, colon);
  if (address.starts_with("[")) address = address.substr(1, address.size() - 2);
  return Publish{address, std::stoi(text.substr(colon + 1))};
}

using ByPort = std::map<int, std::vector<std::pair<std::string, Publish>>>;

// Whose port it is; empty: nobody else's.
std::string other_owner(const ByPort& taken, const std::string& app, const Publish& port) {
  const auto found = taken.find(port.port);
  if (found == taken.end()) return "";
  for (const auto& [owner, held] : found->second) {
    if (owner != app && overlap(held, port)) return owner;
  }
  return "";
}

}  // namespace

std::string port_text(const Publish& port) {
  return host_in_url(port.address) + ":" + std::to_string(port.port);
}

bool overlap(const Publish& a, const Publish& b) {
  if (a.port != b.port) return false;
  if (is_all(a) || is_all(b)) return true;
  static const Bytes any_of_four = bytes_of("0.0.0.0");
  const Bytes first = bytes_of(a.address), second = bytes_of(b.address);
  const bool any = first == any_of_four || second == any_of_four;
  return first == second || (any && is_four(first) && is_four(second));
}

std::vector<Publish> listening(std::string_view table) {
  std::vector<Publish> ports;
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string slot, local, remote, state;
    words >> slot >> local >> remote >> state;
    const std::size_t colon = local.find(':');
    // 0A is TCP_LISTEN.
    if (state != "0A" || colon == local.npos || local.size() - colon != 5) continue;
    const auto address = address_of(local.substr(0, colon));
    const std::string port = local.substr(colon + 1);
    if (!address || port.find_first_not_of("0123456789ABCDEFabcdef") != port.npos) continue;
    ports.push_back({*address, std::stoi(port, nullptr, 16)});
  }
  return ports;
}

bool address_allowed(const Platform& platform, const std::string& address) {
  const auto& allowed = platform.publish_addresses;
  if (!allowed) return true;
  const Bytes bytes = bytes_of(address);
  if (bytes == bytes_of("127.0.0.1") || bytes == bytes_of("::1")) return true;
  return std::any_of(allowed->begin(), allowed->end(), [&](const std::string& held) {
    const Bytes said = bytes_of(held);
    return said == bytes || said == Bytes{} || (said == bytes_of("0.0.0.0") && is_four(bytes));
  });
}

std::vector<Publish> edge_ports(const Platform::Edge& edge) {
  using Mode = Platform::Edge::Mode;
  if (edge.mode == Mode::none) return {};
  std::vector<Publish> ports = {{edge.address, edge.http_port, edge.both_families},
                                {edge.address, edge.https_port, edge.both_families}};
  if (edge.mode == Mode::host) ports.push_back({"127.0.0.1", edge.status_port});
  return ports;
}

void PortOwners::restore(std::string_view text) {
  const Result<Json> saved = Json::parse(text);
  if (!saved) return;
  for (const auto& [app, ports] : (*saved)["ports"].members()) {
    for (const Json& port : ports.items()) {
      if (const auto read = read_port(port.as_string())) owners_[app].push_back(*read);
    }
  }
}

std::set<std::string> PortOwners::update(std::map<std::string, std::vector<Publish>> claims) {
  owners_changed_ = false;
  if (claims == claims_) return {};
  Lost lost;
  Owners owners;
  ByPort taken;
  // First what its app had before, then what is new; of that the first by name.
  for (const bool had : {true, false}) {
    for (const auto& [app, ports] : claims) {
      const auto before = owners_.find(app);
      for (const Publish& port : ports) {
        const bool held = before != owners_.end() &&
                          std::count(before->second.begin(), before->second.end(), port) > 0;
        if (held != had) continue;
        const std::string other = other_owner(taken, app, port);
        if (!other.empty()) {
          lost[app][port_text(port)] = other;
          continue;
        }
        owners[app].push_back(port);
        taken[port.port].emplace_back(app, port);
      }
    }
  }
  owners_changed_ = owners_ != owners;
  owners_ = std::move(owners);
  std::set<std::string> moved = lacking_otherwise(lost_, lost);
  lost_ = std::move(lost);
  claims_ = std::move(claims);
  return moved;
}

std::string PortOwners::encode() const {
  if (owners_.empty()) return "";
  Json owners = Json::object();
  for (const auto& [app, ports] : owners_) {
    Json texts = Json::array();
    for (const Publish& port : ports) texts.push(port_text(port));
    owners.set(app, texts);
  }
  return Json::object({{"schema", 1}, {"ports", owners}}).pretty() + "\n";
}

std::string refused_port(const App& app, const Platform& platform, bool edge,
                         const std::map<std::string, std::string>& lost) {
  const std::vector<Publish> reserved = edge ? edge_ports(platform.edge) : std::vector<Publish>();
  for (std::size_t i = 0; i < app.expose.size(); ++i) {
    if (!app.expose[i].publish) continue;
    const Publish& port = *app.expose[i].publish;
    const std::string field = "expose[" + std::to_string(i) + "].publish";
    const std::string number = std::to_string(port.port);
    const auto refuse = [&](const std::string& why) {
      return app.where(field) + ": " + field + ": " + why;
    };
    if (std::any_of(reserved.begin(), reserved.end(),
                    [&](const Publish& held) { return overlap(held, port); })) {
      return refuse("port " + number + " of the host is the edge's; choose another port");
    }
    if (!address_allowed(platform, port.address)) {
      return refuse(port.address +
                    " is none of the platform file's publish.addresses; publish on " +
                    "127.0.0.1, or add the address there");
    }
    if (const auto other = lost.find(port_text(port)); other != lost.end()) {
      return refuse("port " + number + " of the host is " + other->second +
                    "'s; choose another port");
    }
  }
  return "";
}

void Owners::restore(const std::string& file, std::string_view text) {
  if (file == ports_file) return ports.restore(text);
  if (file == mounts_file) return mounts.restore(text);
  hosts.restore(text);
}

std::string Owners::encode(const std::string& file) const {
  if (file == mounts_file) return mounts.encode();
  return file == ports_file ? ports.encode() : hosts.encode();
}

}  // namespace fairlead
