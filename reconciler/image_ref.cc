#include "reconciler/image_ref.h"

#include "reconciler/grammar.h"

namespace fairlead {
namespace {

constexpr char hub[] = "docker.io";

// "ghcr.io/acme/blog" → "ghcr.io"; nothing for "acme/blog", which is of Docker's own registry.
std::string registry_of(const std::string& name) {
  const std::size_t slash = name.find('/');
  const std::string first = name.substr(0, slash);
  const bool host =
      slash != name.npos && (first.find_first_of(".:") != first.npos || first == "localhost");
  return host ? first : "";
}

}  // namespace

std::optional<ImageRef> ImageRef::parse(std::string_view image) {
  if (!is_image(image)) return std::nullopt;
  ImageRef ref;
  const std::size_t at = image.find('@');
  if (at != image.npos) ref.digest = image.substr(at + 1);
  ref.name = image.substr(0, at);
  const std::size_t colon = ref.name.rfind(':');
  // A colon before the last "/" belongs to the registry's port.
  if (colon != ref.name.npos && ref.name.find('/', colon) == ref.name.npos) {
    ref.tag = ref.name.substr(colon + 1);
    ref.name.resize(colon);
  } else if (ref.digest.empty()) {
    ref.tag = "latest";
  }
  ref.registry = registry_of(ref.name);
  ref.repository = ref.registry.empty() ? ref.name : ref.name.substr(ref.registry.size() + 1);
  if (ref.registry.empty() || ref.registry == "index.docker.io") ref.registry = hub;
  if (ref.registry == hub && ref.repository.find('/') == ref.repository.npos) {
    ref.repository.insert(0, "library/");
  }
  return ref;
}

std::string ImageRef::at(const std::string& other_tag, const std::string& other_digest) const {
  std::string text = name;
  if (!other_tag.empty()) text.append(":").append(other_tag);
  if (!other_digest.empty()) text.append("@").append(other_digest);
  return text;
}

std::string ImageRef::whole() const {
  return registry + "/" + repository + (tag.empty() ? "" : ":" + tag) +
         (digest.empty() ? "" : "@" + digest);
}

std::string ImageRef::endpoint() const {
  if (registry == hub) return "registry-1.docker.io:443";
  if (registry.find(':') != registry.npos) return registry;
  return registry + (local() ? ":80" : ":443");
}

bool ImageRef::local() const {
  const std::string host = registry.substr(0, registry.find(':'));
  return host == "localhost" || (is_address(host) && host.compare(0, 4, "127.") == 0);
}

bool names_image_id(std::string_view image) {
  const std::string_view digits = image.substr(image.starts_with("sha256:") ? 7 : 0);
  return !digits.empty() && digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

}  // namespace fairlead
