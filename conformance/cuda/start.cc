// _start of lockstep-cuda-helper on x86-64: the one of this machine's glibc asks for __libc_start_main of glibc 2.34.
//
// The kernel leaves argc and argv on the stack, the loader its own end in rdx. What __libc_start_main took before 2.34
// for the program's initialisers may be null: this program has none.
extern "C" {
int main(int argc, char** argv);
int __libc_start_main(int (*main)(int, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loader_end)(), void* stack_end);

[[noreturn, gnu::used]] void lockstep_start(long* stack, void (*loader_end)()) {
  __libc_start_main(main, static_cast<int>(*stack), reinterpret_cast<char**>(stack + 1), nullptr, nullptr, loader_end,
                    stack);
  __builtin_trap();  // it ends the process
}
}

__asm__(
    ".globl _start\n"
    ".type _start, @function\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  mov %rdx, %rsi\n"
    "  and $-16, %rsp\n"
    "  call lockstep_start\n");
