#include "reconciler/registries.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <vector>

#include "reconciler/grammar.h"

namespace fairlead {
namespace {

constexpr char every_public_one[] = "*";

struct Block {
  std::uint32_t first;
  int bits;
};

// RFC 6890 and what it has been told since: what nobody on the internet can be reached at.
constexpr std::array<Block, 14> not_public{{{0x00000000, 8},
                                            {0x0a000000, 8},
                                            {0x64400000, 10},
                                            {0x7f000000, 8},
                                            {0xa9fe0000, 16},
                                            {0xac100000, 12},
                                            {0xc0000000, 24},
                                            {0xc0000200, 24},
                                            {0xc0a80000, 16},
                                            {0xc6120000, 15},
                                            {0xc6336400, 24},
                                            {0xcb007100, 24},
                                            {0xe0000000, 4},
                                            {0xf0000000, 4}}};

bool is_public_v4(std::uint32_t address) {
  return std::none_of(not_public.begin(), not_public.end(), [&](const Block& block) {
    return (address ^ block.first) >> (32 - block.bits) == 0;
  });
}

using V6 = std::array<unsigned char, 16>;

std::uint32_t v4_at(const V6& bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24 |
         static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

// Of the addresses that are given out (2000::/3) those that stand for an IPv4 address are as that.
bool is_public_v6(const V6& bytes) {
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<unsigned char, 12> translated{0, 0x64, 0xff, 0x9b};
  const auto begins = [&](const auto& prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
  };
  if (begins(mapped) || begins(translated)) return is_public_v4(v4_at(bytes, 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_public_v4(v4_at(bytes, 2));
  const bool teredo = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0 && bytes[3] == 0;
  const bool documentation =
      bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8;
  return bytes[0] >> 5 == 1 && !teredo && !documentation;
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string host_of(const std::string& place) {
  return lower_case(place.substr(0, place.find(':')));
}

// No name, but an address, or what resolvers take for one: "127.1", "0x7f000001", "2130706433".
bool is_numeric(const std::string& host) {
  const std::string last = host.substr(host.rfind('.') + 1);
  const auto all = [&](const char* set) { return last.find_first_not_of(set) == last.npos; };
  return all("0123456789") || (last.compare(0, 2, "0x") == 0 && all("0123456789abcdefx"));
}

bool is_public_host(const std::string& host) {
  if (is_numeric(host)) return is_public_address(host);
  constexpr std::string_view below = ".localhost";
  const bool is_below = host.size() > below.size() &&
                        host.compare(host.size() - below.size(), below.npos, below) == 0;
  return host != "localhost" && !is_below;
}

bool names(const std::string& listed, const std::string& place) {
  const std::string known = lower_case(listed);
  const std::string asked = lower_case(place);
  return asked == known || asked == known + ":443" || asked == known + ":80";
}

std::string not_public_text(const std::string& place) {
  return place +
         " is on this host or in a private network: list it under `registries: {allow: […]}`"
         " in the platform file if it is meant";
}

// "docker.io" of "registry-1.docker.io"; nothing of "ghcr.io".
std::string domain_above(const std::string& host) {
  const std::size_t dot = host.find('.');
  const std::string above = dot == host.npos ? "" : host.substr(dot + 1);
  return above.find('.') == above.npos ? "" : above;
}

bool same_domain(const std::string& registry, const std::string& realm) {
  if (realm == registry) return true;
  if (is_numeric(registry) || is_numeric(realm)) return false;
  const auto below = [&](const std::string& domain) {
    return !domain.empty() &&
           (realm == domain || (realm.size() > domain.size() && realm.ends_with("." + domain)));
  };
  return below(registry) || below(domain_above(registry));
}

}  // namespace

bool is_public_address(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return is_public_v4(ntohl(v4.s_addr));
  V6 v6{};
  return ::inet_pton(AF_INET6, address.c_str(), v6.data()) == 1 && is_public_v6(v6);
}

bool is_listed(const Platform& platform, const std::string& place) {
  const auto& allowed = platform.registries_allowed;
  const bool is_allowed =
      allowed && std::any_of(allowed->begin(), allowed->end(),
                             [&](const auto& one) { return names(one, place); });
  const auto& logins = platform.registries;
  return is_allowed || std::any_of(logins.begin(), logins.end(),
                                   [&](const auto& one) { return names(one.first, place); });
}

Result<void> may_use(const Platform& platform, const std::string& registry) {
  if (is_listed(platform, registry)) return {};
  const std::string place = "the registry " + registry;
  const auto& allowed = platform.registries_allowed;
  if (allowed && std::count(allowed->begin(), allowed->end(), every_public_one) == 0) {
    return Error{Code::denied,
                 place +
                     " is not in `registries: {allow: […]}` of the platform file; add it "
                     "there, or take the image from one that is",
                 ""};
  }
  if (is_public_host(host_of(registry))) return {};
  return Error{Code::denied, not_public_text(place), ""};
}

const RegistryLogin* login_of(const Platform& platform, const std::string& registry) {
  const auto found = platform.registries.find(registry);
  return found == platform.registries.end() ? nullptr : &found->second;
}

Result<void> may_ask_token(const Platform& platform, const std::string& registry,
                           const std::string& realm) {
  if (is_listed(platform, realm) || names(registry, realm)) return {};
  const std::string sends = "the registry " + registry + " sends logins to ";
  const std::string host = host_of(realm);
  if (!is_public_host(host)) {
    return Error{Code::denied, sends + not_public_text(realm) + "; nothing was sent there", ""};
  }
  if (!login_of(platform, registry) || same_domain(host_of(registry), host)) return {};
  return Error{Code::denied,
               sends + realm + ", which is another's: list " + host +
                   " under `registries: {allow: […]}` in the platform file if it is to have the "
                   "login; nothing was sent there",
               ""};
}

}  // namespace fairlead
