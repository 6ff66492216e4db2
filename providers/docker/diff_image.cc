// What depends on which image a reference stands for on this host.

#include <algorithm>
#include <utility>

#include "providers/docker/diff.h"
#include "providers/docker/diff_process.h"
#include "providers/docker/resolve.h"
#include "reconciler/local_images.h"

namespace fairlead::docker {
namespace {

// Of this revision, but for the image's id: made when another one of it was to be run.
bool says_other_id(const ContainerSpec& spec, const SeenContainer& container) {
  const auto image = spec.fields.find("image");
  return image != spec.fields.end() &&
         field_digest(container.fields, "image") == image->second.digest &&
         !field_digest(container.fields, "image_id").empty();
}

bool is_lacking(const ContainerSpec& spec, const SeenApp& seen, const Trials& trials) {
  const Trial* trial = spec.once ? trials.find(spec.process, spec.fingerprint) : nullptr;
  for (int replica = 1; replica <= spec.replicas; ++replica) {
    if (trial && trial->ended.count(replica) > 0) continue;
    const bool there = std::any_of(
        seen.containers.begin(), seen.containers.end(), [&](const SeenContainer& container) {
          const Identity& of = container.identity;
          return of.process == spec.process && of.fingerprint == spec.fingerprint &&
                 of.replica == replica && !container.failed();
        });
    if (!there) return true;
  }
  return false;
}

}  // namespace

std::string field_digest(const std::string& fields, const std::string& name) {
  const std::string padded = " " + fields + " ";
  const std::size_t at = padded.find(" " + name + "=");
  if (at == padded.npos) return "";
  const std::size_t from = at + name.size() + 2;
  return padded.substr(from, padded.find(' ', from) - from);
}

ImageUse image_use(const Graph& wanted, const Section* section, const Memory& memory) {
  ImageUse use;
  const auto* seen = dynamic_cast<const SeenApp*>(section);
  if (!seen) return use;
  const auto specs = container_specs(wanted);
  use.whole = true;
  for (const auto& spec : specs) {
    use.whole = use.whole && !is_lacking(*spec, *seen, memory.trials);
    for (const SeenContainer& container : seen->containers) {
      const Identity& of = container.identity;
      if (of.process != spec->process || container.failed() || container.going()) continue;
      const bool same = of.fingerprint == spec->fingerprint;
      const bool said = !field_digest(container.fields, "image_id").empty();
      if (same) use.said = said;
      if (same) use.id = container.image_id;
      if (use.id.empty() && says_other_id(*spec, container)) {
        use.said = true;
        use.id = container.image_id;
      }
    }
  }
  return use;
}

// The image as the create request names it: by its id where the reference stands for another one
// now.
std::string ProcessDiff::image_to_create() const {
  const auto tag = draft_.seen.images.find(spec_.image);
  const bool other = !spec_.image_id.empty() && tag != draft_.seen.images.end() &&
                     tag->second.id != spec_.image_id;
  return other ? spec_.image_id : spec_.image;
}

// "image app:latest: 1f3c5d6e7f80 → 9ab2c3d4e5f6, built or pulled on this host".
std::string ProcessDiff::image_id_change(const SeenContainer& old) const {
  return "image " + spec_.image + ": " + short_image_id(old.image_id) + " → " +
         short_image_id(spec_.image_id) + ", built or pulled on this host";
}

}  // namespace fairlead::docker
