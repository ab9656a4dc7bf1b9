#include "tests/cuda_on_cpu/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>

namespace cuda_on_cpu {
namespace {

// The program's file, mapped.
class ProgramFile {
 public:
  ProgramFile() {
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file >= 0 && fstat(file, &status) == 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      void* const mapping = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
      if (mapping != MAP_FAILED) bytes_ = static_cast<const char*>(mapping);
    }
    if (file >= 0) close(file);
  }
  ~ProgramFile() {
    if (bytes_ != nullptr) munmap(const_cast<char*>(bytes_), size_);
  }
  ProgramFile(const ProgramFile&) = delete;
  ProgramFile& operator=(const ProgramFile&) = delete;
  const char* bytes() const { return bytes_; }  // null where it cannot be read

 private:
  const char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

// Kernels stand in unnamed namespaces, so that their names are in the symbol table of the program's file and not in
// what is loaded of it (where dladdr would look).
std::string symbol_at(std::uint64_t address) {
  const ProgramFile file;
  if (file.bytes() == nullptr) return {};
  const auto* const header = reinterpret_cast<const ElfW(Ehdr)*>(file.bytes());
  const auto* const sections = reinterpret_cast<const ElfW(Shdr)*>(file.bytes() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const char* const names = file.bytes() + sections[sections[i].sh_link].sh_offset;
    const auto* const symbols = reinterpret_cast<const ElfW(Sym)*>(file.bytes() + sections[i].sh_offset);
    for (std::size_t j = 0; j < sections[i].sh_size / sizeof *symbols; ++j)
      if (symbols[j].st_value == address && ELF64_ST_TYPE(symbols[j].st_info) == STT_FUNC)
        return names + symbols[j].st_name;
  }
  return {};
}

std::uint64_t load_address() {
  std::uint64_t address = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<std::uint64_t*>(result) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &address);
  return address;
}

void remove_all(std::string& text, std::string_view part) {
  for (std::size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
}

// Drops the parameters and, of a template, the type returned.
std::string without_parameters(std::string name) {
  remove_all(name, "(anonymous namespace)::");
  name.erase(std::min(name.find('('), name.size()));
  constexpr std::string_view kReturned = "void ";
  if (name.starts_with(kReturned)) name.erase(0, kReturned.size());
  return name;
}

}  // namespace

std::string function_name(const void* function) {
  const auto address = reinterpret_cast<std::uint64_t>(function);
  const std::string symbol = symbol_at(address - load_address());
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                    std::free);
  if (status == 0) return without_parameters(name.get());
  std::ostringstream text;
  text << "at " << function;
  return text.str();
}

}  // namespace cuda_on_cpu
