// The part of ProcessDiff that concerns whose the app's volume is (storage.h).

#include <algorithm>
#include <utility>

#include "providers/docker/diff_process.h"
#include "providers/docker/storage.h"

namespace fairlead::docker {
namespace {

std::string text_of(const FolderEntry& folder) {
  return std::to_string(folder.user) + ":" + std::to_string(folder.group);
}

}  // namespace

void clear_keepers(Draft& draft) {
  for (const NeverStarted& keeper : draft.seen.keepers) {
    if (keeper.state == "removing") {
      draft.report.due(draft.view.now.steady + removal_poll);
    } else if (keeper.name != draft.keeper) {
      draft.add(draft.steps.remove_never_started(keeper), "it has done what it was made for");
    }
  }
}

// Whose the volume is to be; nothing where it is so already, or nobody can tell.
std::optional<FolderEntry> ProcessDiff::owner_to_set(const SeenStorage& storage) {
  const ContainerSpec::VolumeOwner& wanted = *spec_.owner;
  const Result<Owner> owner = find_owner(wanted.text, storage.passwd, storage.group);
  const std::string trouble = !storage.trouble.empty() ? storage.trouble
                              : owner                  ? ""
                                                       : owner.error().message;
  if (!trouble.empty()) {
    draft_.report.warnings.push_back("the volume is not given to " + wanted.text + ": " + trouble);
    return std::nullopt;
  }
  const FolderEntry& is = *storage.folder;
  // Of what the process runs as only the user is sure: it can write then.
  const bool same_group = !wanted.said || !owner->group || is.group == *owner->group;
  if (is.user == owner->user && same_group) return std::nullopt;
  return FolderEntry{owner->user, owner->group.value_or(is.group), is.mode};
}

// The steps before the first start of a container that mounts the volume.
ProcessDiff::Needs ProcessDiff::set_owner(const SeenContainer& container) {
  if (!spec_.owner) return {};
  if (draft_.owned) return {*draft_.owned};
  const auto seen = draft_.seen.storage.find(container.id);
  if (seen == draft_.seen.storage.end()) return {wait_for_owner({})};
  const auto folder = owner_to_set(seen->second);
  if (!folder) return {};
  const Identity identity = keeper_identity(spec_.app, container.image_id);
  const std::string name = identity.name();
  const auto& keepers = draft_.seen.keepers;
  const auto there = std::find_if(keepers.begin(), keepers.end(),
                                  [&](const NeverStarted& held) { return held.name == name; });
  Needs needs;
  if (there == keepers.end()) {
    if (!creatable(name)) return {wait_for_owner({})};
    const auto image = draft_.seen.images.find(container.image_id);
    const auto volumes =
        image == draft_.seen.images.end() ? std::vector<std::string>() : image->second.volumes;
    needs = {draft_.add(draft_.steps.create_keeper(identity, volumes),
                        "to set whose the volume is without starting anything")};
  } else if (there->state != "created") {
    return {wait_for_owner({})};
  }
  draft_.keeper = name;
  draft_.owned =
      draft_.add(draft_.steps.own(identity, *folder),
                 "belongs to " + text_of(*seen->second.folder) + ", not to " + text_of(*folder) +
                     " (" + draft_.view.wanted->app->where(spec_.owner->path) + ")",
                 std::move(needs));
  draft_.add(draft_.steps.remove_keeper(identity), "it has done what it was made for",
             {*draft_.owned});
  return {*draft_.owned};
}

std::size_t ProcessDiff::wait_for_owner(Needs needs) {
  const std::string volume = Identity{"volume", spec_.app, "", "", 1}.name();
  return draft_.add(Steps::wait("volume " + volume), "until it is seen whose it is",
                    std::move(needs));
}

}  // namespace fairlead::docker
