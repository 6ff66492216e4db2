#include "reconciler/live/public_address.h"

#include <netdb.h>
#include <sys/socket.h>

#include <memory>

#include "reconciler/image_ref.h"
#include "reconciler/registries.h"

namespace fairlead::live {

Result<void> check_public(const addrinfo& found) {
  char text[NI_MAXHOST] = "";
  const int unknown =
      ::getnameinfo(found.ai_addr, found.ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  if (unknown == 0 && is_public_address(text)) return {};
  return Error{Code::denied,
               std::string("its address ") + text +
                   " is on this host or in a private network: list it under `registries: {allow: "
                   "[…]}` in the platform file if it is meant",
               ""};
}

Result<void> may_pull(const Platform& platform, const std::string& registry) {
  if (is_listed(platform, registry)) return {};
  const auto ref = ImageRef::parse(registry + "/x");
  if (!ref) return Error{Code::denied, "no registry: " + registry, ""};
  const std::string endpoint = ref->endpoint();
  const std::string host = endpoint.substr(0, endpoint.find(':'));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const Result<void> allowed = check_public(*one);
    if (!allowed) {
      return Error{Code::denied,
                   "nothing is pulled from " + registry + ": " + allowed.error().message, ""};
    }
  }
  return {};
}

}  // namespace fairlead::live
