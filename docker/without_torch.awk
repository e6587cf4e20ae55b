# Drops torch, torchvision and the CUDA packages from a hashed lock file: the CPU image takes them from PyTorch's index.
/^[a-z0-9]/ { keep = $0 !~ /^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==/ }
/^ / || /^[a-z0-9]/ { if (keep) print }
